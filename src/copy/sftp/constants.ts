/** Numbers of SFTP version 3 (draft-ietf-secsh-filexfer-02), the one OpenSSH speaks. */

export const SFTP_VERSION = 3;

export const PACKET = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

export const STATUS = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  unsupported: 8,
} as const;

/** Flags of OPEN (§6.3). */
export const OPEN = { read: 1, write: 2, create: 8, truncate: 16, exclusive: 32 } as const;

/** Which attributes follow (§5). */
export const ATTRIBUTE = {
  size: 0x1,
  owner: 0x2,
  permissions: 0x4,
  times: 0x8,
  extended: 0x8000_0000,
} as const;

/** The type bits of permissions, as POSIX has them. */
export const FILE_TYPE = {
  mask: 0o170000,
  regular: 0o100000,
  directory: 0o040000,
  link: 0o120000,
} as const;

/** The longest packet taken or sent, without its length field; OpenSSH's own limit. */
export const MAX_PACKET_BYTES = 256 * 1024;
/** Bytes of a file in one READ or WRITE that every server takes (§3). */
export const SAFE_BLOCK_BYTES = 32 * 1024;
/** The longest handle there may be (§6.2). */
export const MAX_HANDLE_BYTES = 256;

/** Extensions of OpenSSH (its PROTOCOL file) that are used where they are offered. */
export const EXTENSION = {
  posixRename: 'posix-rename@openssh.com',
  fsync: 'fsync@openssh.com',
  statvfs: 'statvfs@openssh.com',
  limits: 'limits@openssh.com',
  expandPath: 'expand-path@openssh.com',
} as const;
