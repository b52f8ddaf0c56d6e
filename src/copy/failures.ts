import { errorCode, fileError } from '../platform/file-errors.ts';
import { DevaccessError, printable } from '../platform/errors.ts';
import { STATUS } from './sftp/constants.ts';
import { SftpStatusError } from './sftp/errors.ts';

/** Something that was not copied. */
export interface CopyFailure {
  /** As it is shown to the person. */
  path: string;
  error: DevaccessError;
}

/** After these nothing else can be copied either. */
const FATAL = ['DA_DISK_FULL', 'DA_REMOTE_DISK_FULL', 'DA_SFTP_PROTOCOL', 'DA_COPY_INTERRUPTED'];

export function isFatal(error: Error): boolean {
  return !(error instanceof DevaccessError) || FATAL.includes(error.code);
}

export function noSuchFile(shown: string): DevaccessError {
  return new DevaccessError('DA_NO_SUCH_FILE', `${shown}: there is no such file or folder`, {
    next: 'check the path; a relative one on a server starts at your home there',
  });
}

export function sourceChanged(shown: string): DevaccessError {
  return new DevaccessError('DA_SOURCE_CHANGED', `${shown} changed while it was copied`, {
    next: 'copy it again when nobody writes to it',
  });
}

/** A failure of this machine's file system. What is none is handed back. */
export function localFailure(error: unknown, action: 'read' | 'write', path: string): unknown {
  return errorCode(error) === 'ENOENT' ? noSuchFile(path) : fileError(error, action, path);
}

/** A server's refusal. What is none, as the loss of the connection, is handed back. */
export function remoteFailure(error: unknown, action: 'read' | 'write', shown: string): unknown {
  if (!(error instanceof SftpStatusError)) return error;
  switch (error.status) {
    case STATUS.noSuchFile:
      return noSuchFile(shown);
    case STATUS.permissionDenied:
      return new DevaccessError(
        'DA_REMOTE_PERMISSION',
        `Cannot ${action} ${shown}: permission denied`,
        {
          next: 'check owner and mode there, and as which user you log in',
          cause: error,
        },
      );
    default: {
      const why = printable(error.message.slice(0, 200)) || `status ${error.status}`;
      return new DevaccessError('DA_REMOTE_FAILED', `Cannot ${action} ${shown}: ${why}`, {
        next: 'the server says no more; try the same there by hand',
        cause: error,
      });
    }
  }
}

export function remoteDiskFull(shown: string): DevaccessError {
  return new DevaccessError('DA_REMOTE_DISK_FULL', `Cannot write ${shown}: no space left there`, {
    next: 'free some space there; the same command then goes on where it stopped',
  });
}
