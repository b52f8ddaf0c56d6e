import { errorCode, fileError } from '../platform/file-errors.ts';
import { DevaccessError, printable } from '../platform/errors.ts';
import { STATUS } from './sftp/constants.ts';
import { SftpStatusError } from './sftp/errors.ts';

/** A failure that concerns one file or folder: the others are copied all the same. */
export class FileFailure extends DevaccessError {
  override readonly name = 'FileFailure';
}

/** Something that was not copied. */
export interface CopyFailure {
  /** As it is shown to the person. */
  path: string;
  error: FileFailure;
}

export function noSuchFile(shown: string): FileFailure {
  return new FileFailure('DA_NO_SUCH_FILE', `${shown}: there is no such file or folder`, {
    next: 'check the path; a relative one on a server starts at your home there',
  });
}

function nothingThere(action: 'read' | 'write', shown: string): FileFailure {
  if (action === 'read') return noSuchFile(shown);
  return new FileFailure('DA_NO_SUCH_FILE', `Cannot write ${shown}: there is no such folder`, {
    next: 'make the folder first, or check the path',
  });
}

export function isFolder(shown: string): FileFailure {
  return new FileFailure(
    'DA_IS_DIRECTORY',
    `${shown} is a folder, which no file takes the place of`,
    {
      next: 'remove it, or copy to another name',
    },
  );
}

export function isSpecial(shown: string): FileFailure {
  const message = `${shown} is neither a file nor a folder (a device, pipe or socket)`;
  return new FileFailure('DA_SPECIAL_FILE', message, { next: 'leave it out, or name another' });
}

export function sourceChanged(shown: string): FileFailure {
  return new FileFailure('DA_SOURCE_CHANGED', `${shown} changed while it was copied`, {
    next: 'copy it again when nobody writes to it',
  });
}

/** A failure of this machine's file system; a full disk concerns all. What is none is handed back. */
export function localFailure(error: unknown, action: 'read' | 'write', path: string): unknown {
  if (errorCode(error) === 'ENOENT') return nothingThere(action, path);
  const failure = fileError(error, action, path);
  const isOne = failure instanceof DevaccessError && failure.code !== 'DA_DISK_FULL';
  if (failure === error || !isOne) return failure;
  const { code, message, next } = failure;
  return new FileFailure(code, message, { ...(next === undefined ? {} : { next }), cause: error });
}

/** A server's refusal. What is none, as the loss of the connection, is handed back. */
export function remoteFailure(error: unknown, action: 'read' | 'write', shown: string): unknown {
  if (!(error instanceof SftpStatusError)) return error;
  switch (error.status) {
    case STATUS.noSuchFile:
      return nothingThere(action, shown);
    case STATUS.permissionDenied:
      return new FileFailure(
        'DA_REMOTE_PERMISSION',
        `Cannot ${action} ${shown}: permission denied`,
        {
          next: 'check owner and mode there, and as which user you log in',
          cause: error,
        },
      );
    default: {
      const why = printable(error.message.slice(0, 200)) || `status ${error.status}`;
      return new FileFailure('DA_REMOTE_FAILED', `Cannot ${action} ${shown}: ${why}`, {
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
