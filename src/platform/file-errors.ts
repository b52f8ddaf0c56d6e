import { DevaccessError } from './errors.ts';

/** The system's code of an error (`ENOENT`, …), if it has one. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/**
 * An error of the file system as one for a person.
 *
 * @returns DevaccessError DA_FILE_NOT_WRITABLE, DA_FILE_NOT_READABLE or DA_DISK_FULL; anything that
 *   is not a file system error is handed back as it is
 */
export function fileError(error: unknown, action: 'read' | 'write', path: string): unknown {
  const code = errorCode(error);
  if (error instanceof DevaccessError || code === undefined) return error;
  const what = `Cannot ${action} ${path}: ${explain(code)}`;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new DevaccessError('DA_DISK_FULL', what, { next: 'free some space', cause: error });
  }
  const next =
    code === 'ENOENT' ? 'check the path' : 'check the owner and mode of the file and of its folder';
  const stable = action === 'read' ? 'DA_FILE_NOT_READABLE' : 'DA_FILE_NOT_WRITABLE';
  return new DevaccessError(stable, what, { next, cause: error });
}

function explain(code: string): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such file or folder';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EROFS':
      return 'the file system is read-only';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'no space left';
    case 'EISDIR':
      return 'it is a folder';
    case 'ENOTDIR':
      return 'a part of the path is not a folder';
    default:
      return code;
  }
}
