import { PassThrough, Writable } from 'node:stream';
import { Connections } from '../../aws/connections.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { SILENT_LOG } from '../../platform/log.ts';
import { VERSION } from '../../platform/version.ts';
import type { SessionApi, SessionRequest } from '../session-api.ts';
import { runSshProxy } from '../ssh-proxy.ts';

/** RFC 4253 4.2: an identification has at most 255 characters. */
const MAX_BANNER_CHARS = 255;

export interface SshPortQuestion {
  api: SessionApi;
  target: string;
  port: number;
  /** A host that the target forwards to; undefined for the target itself. */
  remoteHost: string | undefined;
  /** The document with its parameters. */
  request: SessionRequest;
  /** Ends the session before its time. */
  stop: AbortSignal;
}

/** How far a session to an SSH server came. */
export interface SshPortTrial {
  /** Of the agent's handshake; undefined: the data channel did not come about. Empty: it did not tell. */
  agentVersion: string | undefined;
  /** First line of what listens there. Untrusted text. */
  banner: string | undefined;
  /** Why there is no banner. */
  failure: DevaccessError | undefined;
}

/**
 * Opens a session to an SSH server, says who asks, and reads the server's first line; the session is
 * ended then. A far end that says nothing is given up after some seconds.
 */
export async function trySshPort(
  { api, target, port, remoteHost, request, stop: stopped }: SshPortQuestion,
  env: NodeJS.ProcessEnv,
): Promise<SshPortTrial> {
  let agentVersion: string | undefined;
  let said = '';
  const heard = new AbortController();
  const stdin = new PassThrough();
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      said = (said + chunk.toString('latin1')).slice(0, MAX_BANNER_CHARS);
      if (said.includes('\n') || said.length === MAX_BANNER_CHARS) heard.abort();
      done();
    },
  });
  // An agent that cannot connect says so, or takes this and is silent.
  stdin.write(`SSH-2.0-devaccess_${VERSION}\r\n`);
  let failure: DevaccessError | undefined;
  try {
    await runSshProxy({
      api,
      session: api.start(request),
      connections: new Connections(env),
      target,
      port,
      remoteHost,
      stdin,
      stdout,
      say: () => undefined,
      log: SILENT_LOG,
      isParentAlive: () => true,
      onReady: (facts) => (agentVersion = facts.agentVersion),
      stop: AbortSignal.any([heard.signal, stopped]),
    });
  } catch (error) {
    if (!(error instanceof DevaccessError)) throw error;
    failure = error;
  }
  const [banner] = said.split(/\r?\n/);
  if (said !== '') return { agentVersion, banner, failure: undefined };
  failure ??= new DevaccessError('DA_PORT_SILENT', `Port ${port} closed without a word.`, {
    next: `check that an SSH server listens on port ${port}`,
  });
  return { agentVersion, banner: undefined, failure };
}
