/** What a copy needs to know of a file, here or on a server. */
export interface FileFacts {
  type: 'file' | 'directory' | 'link' | 'other';
  size: number;
  /** Permission bits alone, without set-uid, set-gid and sticky. */
  mode: number;
  /** Seconds since the epoch, as precise as they are known. */
  atimeS: number;
  mtimeS: number;
  /** Size and time of change, exactly: two that differ are two states of the file. */
  version: string;
}

export interface FileEntry {
  name: string;
  facts: FileFacts;
}

/** A directory's entries, in order of names, and the names that cannot be copied, with the reason. */
export interface Listing {
  entries: FileEntry[];
  refused: { name: string; why: string }[];
}

/** A file system a copy reads from or writes to: this machine's, or a server's over SFTP. */
export interface FileTree {
  /**
   * Whether a link below the destination that leads to a directory is gone through. Not here: a server
   * must not choose names that lead out of the folder it was given.
   */
  readonly followsLinks: boolean;
  /** Whether patterns in a source's name are ours to expand; here the person's shell has done it. */
  readonly expandsPatterns: boolean;
  /** How a path is shown to the person. */
  show(path: string): string;
  /** The absolute path of what the person wrote. */
  resolve(path: string): Promise<string>;
  /** Follows links; undefined where nothing is. */
  stat(path: string): Promise<FileFacts | undefined>;
  /** Does not follow a link at the end; undefined where nothing is. */
  lstat(path: string): Promise<FileFacts | undefined>;
  list(path: string): Promise<Listing>;
  /** The path without links. */
  realPath(path: string): Promise<string>;
  /** Makes a directory; the one above it must exist. */
  makeDirectory(path: string, mode: number): Promise<void>;
  /** Removes a file; it may be gone already. */
  removeFile(path: string): Promise<void>;
  setFacts(path: string, facts: Pick<FileFacts, 'mode' | 'atimeS' | 'mtimeS'>): Promise<void>;
  join(directory: string, name: string): string;
  /** The last name; empty for a root, `.` and `..` as they are. */
  baseName(path: string): string;
}

export const PERMISSION_BITS = 0o777;
