import { rmSync } from 'node:fs';
import { DevaccessError } from '../platform/errors.ts';
import { prepareActivationFiles, writeActivationFiles } from './activation-files.ts';
import type { ActivationFiles } from './activation-files.ts';
import type { ActivationRequest } from './activation-request.ts';
import { createActivation, deleteActivation } from './activations.ts';
import type { NewActivation } from './activations.ts';
import type { NodeApi } from './node-api.ts';

/**
 * Creates an activation whose code goes into a file of its own (0600), beside the scripts that
 * register a machine by it. Where they cannot be written the activation is deleted again, as its code
 * would be lost.
 *
 * @throws DevaccessError of `prepareActivationFiles`, before AWS is asked, and of the calls
 */
export async function activateIntoFolder(
  api: NodeApi,
  request: ActivationRequest,
  folder: string,
): Promise<{ activation: NewActivation; files: ActivationFiles }> {
  const files = prepareActivationFiles(folder);
  const activation = await createActivation(api, request);
  try {
    await writeActivationFiles(files, activation, api.region);
    return { activation, files };
  } catch (error) {
    rmSync(files.code, { force: true });
    const isGone = await deleteActivation(api, activation.activationId).then(
      () => true,
      () => false,
    );
    throw withoutActivation(error, activation, isGone);
  }
}

function withoutActivation(
  error: unknown,
  { activationId }: NewActivation,
  isGone: boolean,
): unknown {
  if (!(error instanceof DevaccessError)) return error;
  const rest = isGone
    ? `the activation ${activationId} was deleted again`
    : `the activation ${activationId} is there, its code is lost`;
  const next = isGone ? error.next : `devaccess nodes activations delete ${activationId}`;
  return new DevaccessError(error.code, `${error.message}; ${rest}`, {
    ...(next === undefined ? {} : { next }),
    exitCode: error.exitCode,
    cause: error,
  });
}
