import { describe, expect, it } from 'vitest';
import { isWorthRetrying, sshFailure } from '../../../src/copy/ssh/ssh-failure.ts';

describe('why ssh failed', () => {
  it.each([
    ['Host key verification failed.', 'DA_SSH_HOST_KEY', false],
    ['@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n…', 'DA_SSH_HOST_KEY', false],
    ['alice@db: Permission denied (publickey).', 'DA_SSH_AUTH', false],
    ['Received disconnect from x: 2: Too many authentication failures', 'DA_SSH_AUTH', false],
    ['subsystem request failed on channel 0', 'DA_NO_SFTP', false],
    ['ssh: Could not resolve hostname db: Name or service not known', 'DA_SSH_CONNECT', true],
    ['kex_exchange_identification: read: Connection reset by peer', 'DA_SSH_CONNECT', true],
    ['', 'DA_SSH_CONNECT', true],
  ])('%j is %s', (stderr, code, again) => {
    const error = sshFailure('db', stderr);
    expect(error.code).toBe(code);
    expect(error.message).toContain('No connection to db: ');
    expect(error.next).not.toBe(undefined);
    expect(isWorthRetrying(error)).toBe(again);
  });

  it('is what devaccess-proxy says, where it says something', () => {
    const error = sshFailure(
      'db',
      'devaccess-proxy: The session of default is over [DA_CREDENTIALS_EXPIRED] Next: devaccess mfa\n' +
        'Connection closed by UNKNOWN port 65535\n',
    );
    expect(error).toMatchObject({
      code: 'DA_CREDENTIALS_EXPIRED',
      message: 'No connection to db: The session of default is over',
      next: 'devaccess mfa',
      exitCode: 3,
    });
    expect(isWorthRetrying(error)).toBe(false);
  });
});
