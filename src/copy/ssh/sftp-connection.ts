import { DevaccessError } from '../../platform/errors.ts';
import { SftpProtocolError } from '../sftp/errors.ts';
import { SftpClient } from '../sftp/sftp-client.ts';
import type { SftpLimits } from '../sftp/sftp-client.ts';
import { sftpArguments } from './ssh-program.ts';
import type { SshProgram } from './ssh-program.ts';
import { SshProcess } from './ssh-process.ts';

/** One SSH connection with SFTP on it: to a server behind Systems Manager a session of its own. */
export class SftpConnection {
  readonly client: SftpClient;
  readonly limits: SftpLimits;
  /** Resolves with the reason when the connection is gone, whoever ended it. */
  readonly gone: Promise<Error>;
  readonly #process: SshProcess;

  private constructor(
    client: SftpClient,
    limits: SftpLimits,
    process: SshProcess,
    gone: Promise<Error>,
  ) {
    this.client = client;
    this.limits = limits;
    this.#process = process;
    this.gone = gone;
  }

  /**
   * Logs in. There is no time limit: the person may be typing.
   *
   * @param onLine takes what ssh says to the person
   * @param stop ends the attempt
   * @throws DevaccessError of `sshFailure`, DA_NO_SSH, DA_SFTP_PROTOCOL
   */
  static async open(
    ssh: SshProgram,
    onLine: (line: string) => void,
    stop?: AbortSignal,
  ): Promise<SftpConnection> {
    let broken: Error | undefined;
    const client: SftpClient = new SftpClient((packet) => sshProcess.write(packet));
    const sshProcess: SshProcess = new SshProcess(
      ssh.host,
      sftpArguments(ssh),
      (bytes) => {
        if (broken !== undefined) return;
        try {
          client.receive(bytes);
        } catch (error) {
          broken = protocolFailure(ssh.host, error);
          client.end(broken);
          sshProcess.kill();
        }
      },
      onLine,
    );
    const gone = sshProcess.ended.then((reason) => {
      client.end(broken ?? reason);
      return broken ?? reason;
    });
    const onStop = (): void => sshProcess.kill();
    stop?.addEventListener('abort', onStop);
    try {
      await client.start();
      return new SftpConnection(client, await client.limits(), sshProcess, gone);
    } catch (error) {
      sshProcess.kill();
      await gone;
      throw protocolFailure(ssh.host, error);
    } finally {
      stop?.removeEventListener('abort', onStop);
    }
  }

  get isOpen(): boolean {
    return !this.client.isEnded;
  }

  async close(): Promise<void> {
    await this.#process.close();
  }

  /** At once, as a signal asks. */
  kill(): void {
    this.#process.kill();
  }
}

/** What a peer's breach of the protocol is to a person; other errors are handed back. */
export function protocolFailure(host: string, error: unknown): Error {
  if (error instanceof SftpProtocolError) {
    return new DevaccessError(
      'DA_SFTP_PROTOCOL',
      `${host} broke the SFTP protocol: ${error.message}`,
      {
        next: 'if it is a greeting, make the start-up files of its shell silent without a terminal',
        cause: error,
      },
    );
  }
  return error instanceof Error ? error : new Error(String(error));
}
