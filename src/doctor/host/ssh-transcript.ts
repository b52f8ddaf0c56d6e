/** What `ssh -v` says of a connection, and what it means. OpenSSH speaks English in every locale. */
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';

/** How far ssh came. */
export interface SshTranscript {
  /** The far end has said who it is. */
  hasBanner: boolean;
  user: string | undefined;
  hostKey: { type: string; fingerprint: string } | undefined;
  trust: 'known' | 'changed' | 'unknown' | undefined;
  isAuthenticated: boolean;
  /** `publickey`, … that it was let in with. */
  method: string | undefined;
  offeredKeys: number;
  /** Methods that the server would take, where it refused. */
  wanted: string | undefined;
  /** The last words that are no debugging. */
  lastWords: string;
}

export function readSshTranscript(text: string): SshTranscript {
  const key = /Server host key: (\S+) (SHA256:\S+)/.exec(text);
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const words = lines.filter((line) => line !== '' && !/^(debug\d:|@)/.test(line));
  const granted = /Authentication succeeded \(([^)]*)\)|Authenticated to .* using "([^"]*)"/.exec(
    text,
  );
  return {
    hasBanner: text.includes('Remote protocol version'),
    user: /Authenticating to .* as '(.*)'/.exec(text)?.[1],
    hostKey: key === null ? undefined : { type: key[1] ?? '', fingerprint: key[2] ?? '' },
    trust: trustOf(text),
    isAuthenticated: granted !== null,
    method: granted?.[1] ?? granted?.[2],
    offeredKeys: [...text.matchAll(/Offering public key:/g)].length,
    wanted: /Permission denied \(([^)]*)\)/.exec(text)?.[1],
    lastWords: words.at(-1) ?? '',
  };
}

function trustOf(text: string): SshTranscript['trust'] {
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed/i.test(text))
    return 'changed';
  if (/Host '.*' is known and matches/.test(text)) return 'known';
  if (/matches the .* host certificate|host certificate .*trusted/i.test(text)) return 'known';
  return /host key is known for|Host key verification failed/.test(text) ? 'unknown' : undefined;
}

/**
 * Whether an SSH server answered at all.
 *
 * @param aside what ssh's proxies said
 */
export function answerFindings(
  { hasBanner, hostKey, lastWords }: SshTranscript,
  aside: string,
  { name, port }: { name: string; port: number },
): Finding[] {
  if (hasBanner || hostKey !== undefined) {
    return [finding('port', 'ok', `Port ${port} of ${name} answers`)];
  }
  const ours = /devaccess-proxy: (.*)/.exec(aside)?.[1];
  const refused = /open failed: (?:connect failed: )?(.*)/.exec(aside)?.[1];
  const last = aside.trim().split(/\r?\n/).at(-1) ?? '';
  const why = ours ?? refused ?? (last === '' ? lastWords : last);
  const what = `Nothing answers on port ${port} of ${name}: ${why === '' ? 'ssh ended' : why}`;
  const edit =
    'check that its SSH server runs, and that its security group lets the bastion in on this port';
  return [finding('port-silent', 'problem', what, { edit })];
}

/** Whether the server's host key is the known one. */
export function hostKeyFindings(
  { hostKey, trust, lastWords }: SshTranscript,
  name: string,
): Finding[] {
  const key = hostKey === undefined ? 'Its host key' : `${hostKey.type} ${hostKey.fingerprint}`;
  switch (trust) {
    case 'known':
      return [finding('host-key', 'ok', `${key} is the known host key`)];
    case 'changed': {
      const what = `${key} is another host key than the one known for ${name}: another machine answers, or it was set up anew`;
      const edit = `compare it with what its agent says: devaccess hosts trust ${name}`;
      return [finding('host-key-changed', 'problem', what, { edit })];
    }
    case 'unknown': {
      const fix = { command: `devaccess hosts trust ${name}` };
      return [finding('host-key-unknown', 'problem', `${key} is not known for ${name}`, fix)];
    }
    case undefined: {
      const what = `The host key was not told: ${lastWords}`;
      return [finding('host-key-untold', 'problem', what, { edit: `see ssh -v ${name}` })];
    }
  }
}

/** Whether the server lets the person in without asking anything. */
export function loginFindings(transcript: SshTranscript, name: string): Finding[] {
  const { isAuthenticated, method, offeredKeys, user, wanted, lastWords } = transcript;
  const who = user === undefined ? '' : ` as ${user}`;
  if (isAuthenticated) {
    return [finding('login', 'ok', `It lets you in${who} with ${method ?? 'no key'}`)];
  }
  if (wanted === undefined) {
    const what = `The login${who} came to no end: ${lastWords}`;
    return [finding('login-ended', 'problem', what, { edit: `see ssh -v ${name}` })];
  }
  if (!wanted.split(',').includes('publickey')) {
    const what = `It takes no keys, and asks for ${wanted}: only a person can log in${who}`;
    return [finding('login-asks', 'warning', what)];
  }
  if (offeredKeys === 0) {
    const what = `No key was offered${who}: the agent has none, and no file of ssh could be used without asking`;
    return [finding('login-no-key', 'problem', what, { command: 'ssh-add' })];
  }
  const keys = offeredKeys === 1 ? 'the key' : `${offeredKeys} keys`;
  const what = `It refuses ${keys} that ssh offers${who}`;
  const edit =
    'check the user name (User in the SSH config) and that one of these keys is in its authorized_keys';
  return [finding('login-refused', 'problem', what, { edit })];
}
