import { join } from 'node:path';
import { stateDirectory } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { editFile, readTextFile } from '../../platform/safe-file.ts';

/** More keys than a person has. */
const MAX_KEPT = 50;

/** When a key was made, as IAM told an earlier run: that a key is young needs no session then. */
export function knownCreation(accessKeyId: string, env: Environment): number | undefined {
  const createdMs = parsed(readTextFile(pathOf(env)) ?? '')[accessKeyId];
  return typeof createdMs === 'number' ? createdMs : undefined;
}

export async function rememberCreation(
  accessKeyId: string,
  createdMs: number,
  env: Environment,
): Promise<void> {
  await editFile(pathOf(env), (text) => {
    const { [accessKeyId]: _known, ...others } = parsed(text);
    const kept = Object.entries(others).slice(1 - MAX_KEPT);
    return `${JSON.stringify(Object.fromEntries([...kept, [accessKeyId, createdMs]]))}\n`;
  });
}

function pathOf(env: Environment): string {
  return join(stateDirectory(env), 'key-rotations', 'ages.json');
}

/** It can be found out again: what is no such file is as good as none. */
function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
