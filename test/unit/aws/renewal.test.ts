import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { promptPlace } from '../../../src/aws/prompt-outcome.ts';
import { renewByPerson } from '../../../src/aws/renewal.ts';
import { withFileLock } from '../../../src/platform/file-lock.ts';
import { awsCredentialsFile } from '../../../src/platform/paths.ts';
import type { Environment } from '../../../src/platform/paths.ts';

let home: string;
let env: Environment;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-renewal-'));
  env = { HOME: home, SSH_ASKPASS: '/bin/true', SSH_ASKPASS_REQUIRE: 'force' };
});
afterEach(() => rmSync(home, { recursive: true }));

function renew(signal: AbortSignal): Promise<boolean> {
  return renewByPerson({
    profile: 'default',
    env,
    failedAtMs: 0,
    command: ['/bin/sh', '-c', `echo asked > '${home}/asked'; echo '{}'`],
    say: () => undefined,
    signal,
    coolDownMs: 0,
  });
}
const isAsked = (): boolean => existsSync(join(home, 'asked'));

describe('a renewal by the person', () => {
  it('is asked for', async () => {
    expect(await renew(new AbortController().signal)).toBe(true);
    expect(isAsked()).toBe(true);
  });

  it('is not asked for any more where nobody waits for it', async () => {
    expect(await renew(AbortSignal.abort())).toBe(false);
    expect(isAsked()).toBe(false);
  });

  it('is not waited for any more, while another program asks', async () => {
    const place = promptPlace('mfa-prompt', `${awsCredentialsFile(env)}\ndefault`, env);
    await withFileLock(`${place}.lock`, async () => {
      const waiting = new AbortController();
      const renewal = renew(waiting.signal);
      waiting.abort();
      expect(await renewal).toBe(false);
    });
    expect(isAsked()).toBe(false);
  });
});
