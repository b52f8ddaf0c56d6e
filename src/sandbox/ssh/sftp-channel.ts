import ssh2 from 'ssh2';
import type { Attributes, FileEntry, SFTPWrapper } from 'ssh2';
import { serveExtensions } from './sftp-extensions.ts';
import { SftpFailure, SftpFiles } from './sftp-files.ts';

const { STATUS_CODE } = ssh2.utils.sftp;

/** The parts of ssh2's SFTP channel that its types leave out. */
interface SftpInternals {
  _protocol: { exitStatus(channel: number, status: number): void };
  outgoing: { id: number; state: string };
}

/**
 * Serves SFTP v3 on an ssh2 SFTP channel, rooted at a home directory for relative paths. Answers
 * come in the order of the requests: SFTP would allow another, but OpenSSH 9.2 cuts a file short
 * when they overtake each other, and no sshd lets them.
 */
export function serveSftp(sftp: SFTPWrapper, homeDirectory: string): void {
  const files = new SftpFiles(homeDirectory);
  let last: Promise<void> = Promise.resolve();

  /** Runs one request; `reply` sends its result, a failure is answered with its status. */
  const answer = <T>(
    requestId: number,
    request: () => Promise<T>,
    reply: (result: T) => void,
  ): void => {
    last = last.then(request).then(reply, (error: unknown) => {
      const { status, message } = failureOf(error);
      sftp.status(requestId, status, message);
    });
  };
  /** Runs one request that is answered with a bare OK. */
  const acknowledge = (id: number, request: () => Promise<void>): void =>
    answer(id, request, () => sftp.status(id, STATUS_CODE.OK));
  const answerHandle = (id: number, request: () => Promise<Buffer>): void =>
    answer(id, request, (handle) => sftp.handle(id, handle));
  const answerAttributes = (id: number, request: () => Promise<Attributes>): void =>
    answer(id, request, (attributes) => sftp.attrs(id, attributes));
  const answerNames = (id: number, request: () => Promise<FileEntry[]>): void =>
    answer(id, request, (names) => sftp.name(id, names));

  sftp.on('OPEN', (id, path, flags, attributes) =>
    answerHandle(id, () => files.open(path, flags, attributes)),
  );
  sftp.on('READ', (id, handle, offset, length) =>
    answer(
      id,
      () => files.read(handle, offset, length),
      (data) => sftp.data(id, data),
    ),
  );
  sftp.on('WRITE', (id, handle, offset, data) =>
    acknowledge(id, () => files.write(handle, offset, data)),
  );
  sftp.on('CLOSE', (id, handle) => acknowledge(id, () => files.close(handle)));
  sftp.on('OPENDIR', (id, path) => answerHandle(id, () => files.openDirectory(path)));
  sftp.on('READDIR', (id, handle) => answerNames(id, () => files.readDirectory(handle)));
  sftp.on('STAT', (id, path) => answerAttributes(id, () => files.stat(path)));
  sftp.on('LSTAT', (id, path) => answerAttributes(id, () => files.lstat(path)));
  sftp.on('FSTAT', (id, handle) => answerAttributes(id, () => files.fstat(handle)));
  sftp.on('SETSTAT', (id, path, attributes) =>
    acknowledge(id, () => files.setstat(path, attributes)),
  );
  sftp.on('FSETSTAT', (id, handle, attributes) =>
    acknowledge(id, () => files.fsetstat(handle, attributes)),
  );
  sftp.on('MKDIR', (id, path, attributes) =>
    acknowledge(id, () => files.makeDirectory(path, attributes)),
  );
  sftp.on('RMDIR', (id, path) => acknowledge(id, () => files.removeDirectory(path)));
  sftp.on('REMOVE', (id, path) => acknowledge(id, () => files.remove(path)));
  sftp.on('RENAME', (id, from, to) => acknowledge(id, () => files.rename(from, to)));
  sftp.on('READLINK', (id, path) => answerNames(id, () => files.readLink(path)));
  sftp.on('REALPATH', (id, path) => answerNames(id, () => files.realPath(path)));
  // ssh2 has put OpenSSH's reversed order right: the link comes first, whatever its types say.
  sftp.on('SYMLINK', (id, path, target) => acknowledge(id, () => files.symbolicLink(target, path)));

  serveExtensions(sftp, files, answer);

  sftp.on('error', () => sftp.end());
  sftp.on('end', () => {
    // The client has said everything. scp fails unless the subsystem then reports status 0.
    const channel = sftp as unknown as SftpInternals;
    if (channel.outgoing.state === 'open') channel._protocol.exitStatus(channel.outgoing.id, 0);
    sftp.end();
    void files.closeAll();
  });
  sftp.on('close', () => void files.closeAll());
}

const STATUS_BY_ERRNO: Readonly<Record<string, number>> = {
  ENOENT: STATUS_CODE.NO_SUCH_FILE,
  EACCES: STATUS_CODE.PERMISSION_DENIED,
  EPERM: STATUS_CODE.PERMISSION_DENIED,
};

function failureOf(error: unknown): { status: number; message: string } {
  if (error instanceof SftpFailure) return { status: error.status, message: error.message };
  const { code, message } = error as NodeJS.ErrnoException;
  return { status: STATUS_BY_ERRNO[code ?? ''] ?? STATUS_CODE.FAILURE, message };
}
