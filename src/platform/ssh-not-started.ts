import { DevaccessError } from './errors.ts';
import { errorCode } from './file-errors.ts';

/** Why the machine's `ssh` could not be run: DA_NO_SSH, DA_SSH_CONNECT. */
export function sshNotStarted(error: Error): DevaccessError {
  if (errorCode(error) === 'ENOENT') {
    return new DevaccessError('DA_NO_SSH', "There is no 'ssh' on this machine", {
      next: 'install the OpenSSH client (package openssh-client)',
      cause: error,
    });
  }
  return new DevaccessError('DA_SSH_CONNECT', `ssh cannot be started: ${error.message}`, {
    next: 'the same must work with ssh',
    cause: error,
  });
}
