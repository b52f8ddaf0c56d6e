import { DevaccessError, EXIT } from '../../platform/errors.ts';
import type { ErrorCode, ExitCode } from '../../platform/errors.ts';

interface Reading {
  pattern: RegExp;
  code: ErrorCode;
  /** Ends `Cannot copy with HOST: …`. */
  what: string;
  next: string;
}

/** What OpenSSH's client says of why it failed; it speaks English in every locale. */
const READINGS: readonly Reading[] = [
  {
    pattern:
      /host key verification failed|remote host identification has changed|host key for .* has changed/i,
    code: 'DA_SSH_HOST_KEY',
    what: 'its host key is not the known one, or not known',
    next: 'find out why before you change known_hosts; log in once with ssh where it is only new',
  },
  {
    pattern:
      /permission denied \(|too many authentication failures|no more authentication methods/i,
    code: 'DA_SSH_AUTH',
    what: 'it does not let you in',
    next: 'check user and key; the same must work with ssh',
  },
  {
    pattern: /could not resolve hostname/i,
    code: 'DA_SSH_CONNECT',
    what: 'nobody knows the name',
    next: 'check the name; `devaccess hosts sync` writes servers into the SSH config',
  },
  {
    pattern: /subsystem request failed/i,
    code: 'DA_NO_SFTP',
    what: 'it offers no SFTP',
    next: "enable the subsystem in the server's sshd_config",
  },
  {
    pattern:
      /bad configuration option|terminating, \d+ bad configuration options|can't open user config file/i,
    code: 'DA_SSH_CONNECT',
    what: 'the SSH config has an error',
    next: 'correct what ssh names',
  },
];

/** What another try would meet as well. */
const FINAL = ['DA_SSH_HOST_KEY', 'DA_SSH_AUTH', 'DA_NO_SFTP', 'DA_NO_SSH', 'DA_SFTP_PROTOCOL'];
/** Codes of devaccess-proxy for which the person is needed (docs/errors.md). */
const NEEDS_PERSON = ['DA_CREDENTIALS_EXPIRED', 'DA_NO_CREDENTIALS', 'DA_NO_TERMINAL'];

/**
 * Why ssh ended, as an error for a person.
 *
 * @param stderr what ssh and its proxies said; the person has seen it or will
 * @returns DevaccessError DA_SSH_HOST_KEY, DA_SSH_AUTH, DA_NO_SFTP, DA_SSH_CONNECT, or the code
 *   devaccess-proxy gave
 */
export function sshFailure(host: string, stderr: string): DevaccessError {
  const ours = /devaccess-proxy: (?<text>.*?) \[(?<code>DA_[A-Z_]+)\](?: Next: (?<next>.*))?/.exec(
    stderr,
  )?.groups;
  if (ours?.['code'] !== undefined) {
    const code = ours['code'] as ErrorCode;
    const exitCode: ExitCode = NEEDS_PERSON.includes(code) ? EXIT.needsPerson : EXIT.failed;
    return new DevaccessError(code, `No connection to ${host}: ${ours['text'] ?? ''}`, {
      next: ours['next'] ?? 'the same must work with ssh',
      exitCode,
    });
  }
  const reading = READINGS.find(({ pattern }) => pattern.test(stderr));
  if (reading !== undefined) {
    const { code, what, next } = reading;
    return new DevaccessError(code, `No connection to ${host}: ${what}`, { next });
  }
  const last = stderr.trim().split('\n').at(-1) ?? '';
  const why = last === '' ? 'ssh ended' : last;
  return new DevaccessError('DA_SSH_CONNECT', `No connection to ${host}: ${why}`, {
    next: 'the same must work with ssh',
  });
}

/** Whether another try could end otherwise. */
export function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof DevaccessError)) return false;
  return ![...FINAL, ...NEEDS_PERSON].includes(error.code);
}
