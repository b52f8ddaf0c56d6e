import { describe, expect, it } from 'vitest';
import { readSshSettings, settingsFindings } from '../../../../src/doctor/host/ssh-settings.ts';
import {
  answerFindings,
  hostKeyFindings,
  loginFindings,
  readSshTranscript,
} from '../../../../src/doctor/host/ssh-transcript.ts';

/** As OpenSSH 9.2 says it with -v. */
const KEY =
  'debug1: Server host key: ssh-ed25519 SHA256:a3/X3Itff17GMu6E6AedtT9OpRDpFWx0HL2HdLUysow';
const FAR_END = 'debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2';
const WHO = "debug1: Authenticating to 10.0.0.1:22 as 'ec2-user'";
const KNOWN = "debug1: Host 'i-1' is known and matches the ED25519 host key.";
const OFFER = 'debug1: Offering public key: /home/x/.ssh/id ED25519 SHA256:abc explicit';

const read = (...lines: string[]) => readSshTranscript(lines.join('\r\n'));
const login = (...lines: string[]) =>
  loginFindings(read(FAR_END, WHO, KEY, KNOWN, ...lines), 'web')[0];

describe('what ssh -v says', () => {
  it('of a login', () => {
    const found = login(OFFER, 'Authenticated to web (via proxy) using "publickey".');
    expect(found).toMatchObject({
      id: 'login',
      what: 'It lets you in as ec2-user with publickey',
    });
  });

  it.each([
    ['login-refused', [OFFER, 'x@web: Permission denied (publickey).']],
    ['login-no-key', ['x@web: Permission denied (publickey,password).']],
    ['login-asks', ['x@web: Permission denied (password,keyboard-interactive).']],
    ['login-ended', [OFFER, 'Connection closed by UNKNOWN port 65535']],
  ])('of a login that is %s', (id, lines) => {
    expect(login(...lines)?.id).toBe(id);
  });

  it.each([
    ['host-key', [KEY, KNOWN]],
    [
      'host-key',
      [KEY, "debug1: Host 'i-1' is known and matches the ED25519-CERT host certificate."],
    ],
    [
      'host-key-unknown',
      [
        KEY,
        'No ED25519 host key is known for i-1 and you have requested strict checking.',
        'Host key verification failed.',
      ],
    ],
    [
      'host-key-changed',
      [
        KEY,
        '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @',
        'Host key verification failed.',
      ],
    ],
    ['host-key-untold', ['Connection reset by peer']],
  ])('of a %s', (id, lines) => {
    const [found] = hostKeyFindings(read(FAR_END, ...lines), 'web');
    expect(found?.id).toBe(id);
  });

  it('of a server that does not answer, with the reason of the proxy', () => {
    const nothing = read('Connection closed by UNKNOWN port 65535');
    const of = (aside: string): string | undefined =>
      answerFindings(nothing, aside, { name: 'web', port: 22 })[0]?.what;
    expect(of('')).toContain('Connection closed by UNKNOWN port 65535');
    expect(
      of('channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed'),
    ).toBe('Nothing answers on port 22 of web: Connection refused');
    expect(of('devaccess-proxy: You may not. [DA_ACCESS_DENIED]')).toContain('You may not.');
    expect(answerFindings(read(FAR_END), '', { name: 'web', port: 22 })[0]?.id).toBe('port');
  });
});

describe('what ssh -G says', () => {
  const text = 'user root\nhostname 10.0.0.1\nport 2222\nproxyjump bastion\nproxycommand none\n';

  it('is read', () => {
    expect(readSshSettings(text)).toEqual({
      user: 'root',
      hostName: '10.0.0.1',
      port: 2222,
      jump: 'bastion',
      proxyCommand: undefined,
    });
  });

  it('must be the way of our entry', () => {
    const names = { name: 'web', bastion: undefined };
    const of = (settings: string): string | undefined =>
      settingsFindings(readSshSettings(settings), names)[0]?.id;
    expect(of(text)).toBe('ssh-entry');
    expect(of('proxycommand "node" "/x/bin/devaccess-proxy.js" --target %h')).toBe('ssh-entry');
    expect(of('proxycommand nc %h %p')).toBe('ssh-entry-shadowed');
    expect(of('hostname web')).toBe('ssh-entry-shadowed');
  });
});
