/** Which codes of an MFA device have been used: each opens the door once. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { stateDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { editFile } from '../platform/safe-file.ts';

/** By then no clock is that wrong. */
const REMEMBERED = 20;

/**
 * Takes a time step for this process; of any number of them only one gets it, and no later one.
 *
 * @returns false when its code has been used
 */
export async function takeStep(device: string, step: number, env: Environment): Promise<boolean> {
  let isFree = false;
  await editFile(stepsFile(device, env), (text) => {
    const used = parsed(text);
    isFree = !used.includes(step);
    return isFree ? `${JSON.stringify([...used, step].slice(-REMEMBERED))}\n` : text;
  });
  return isFree;
}

function stepsFile(device: string, env: Environment): string {
  const digest = createHash('sha256').update(device).digest('hex').slice(0, 16);
  return join(stateDirectory(env), `mfa-codes-${digest}.json`);
}

function parsed(text: string): number[] {
  try {
    const steps: unknown = JSON.parse(text);
    return Array.isArray(steps) ? steps.filter((step) => typeof step === 'number') : [];
  } catch {
    return [];
  }
}
