import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Front } from './support/front.ts';
import { collect, eventually, firstOutput, isRunning, Person } from './support/person.ts';
import type { Finished } from './support/person.ts';
import { commandOnTerminal, hasTerminal } from './support/terminal.ts';

let person: Person;
const SESSION_MS = 60_000;
/** Of the sandbox. */
let clockOffsetMs: number;
beforeEach(async () => {
  clockOffsetMs = 0;
  person = await Person.arrive({
    requireMfa: false,
    now: () => Date.now() + clockOffsetMs,
    maxCredentialLifetimeMs: SESSION_MS,
  });
  // The hosts without a session: a code works once, and it is for the test.
  const { accessKeyId, secretAccessKey } = person.aws.sandbox.accessKey;
  const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  expect(await person.run('devaccess', ['hosts', 'sync'], { env })).toMatchObject({ code: 0 });
});
afterEach(async () => {
  await person.noSessionIsOpen();
  await person.leave();
});

/**
 * A program that stands in for the terminal: it notes each question, and answers what the script says.
 * @param answer lines of sh; `$count` is how often it was asked
 */
function askpass(answer: string): Record<string, string> {
  const program = join(person.home, 'askpass');
  writeFileSync(
    program,
    `#!/bin/sh\necho "$1" >> '${person.home}/asked'\ncount=$(wc -l < '${person.home}/asked')\n${answer}\n`,
  );
  chmodSync(program, 0o700);
  return { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force' };
}

function asked(): string[] {
  try {
    return readFileSync(join(person.home, 'asked'), 'utf8').trimEnd().split('\n');
  } catch {
    return [];
  }
}

function ssh(env: Record<string, string>): Promise<Finished> {
  return person.run('ssh', ['bastion', 'echo reached'], { env });
}

const goodCode = (): string => `echo ${person.aws.sandbox.mfaCode()}`;

describe('ssh without a session', () => {
  it('asks once for 25 of them, and all of them get through', async () => {
    const env = askpass(`sleep 1; ${goodCode()}`);
    const runs = await Promise.all(Array.from({ length: 25 }, () => ssh(env)));
    expect(runs.map(({ code, stdout }) => `${code} ${stdout.toString()}`)).toEqual(
      Array.from({ length: 25 }, () => '0 reached\n'),
    );
    expect(asked()).toEqual(['MFA code of arn:aws:iam::123456789012:mfa/alice:']);
    const state = join(person.home, '.local', 'state', 'devaccess');
    const kept = readdirSync(state).filter((name) => name.startsWith('mfa-prompt-'));
    expect(kept).toEqual([expect.stringMatching(/^mfa-prompt-[0-9a-f]{16}\.json$/)]);
    expect(statSync(join(state, kept[0]!)).mode & 0o777).toBe(0o600);
  });

  it('asks again after a wrong code', async () => {
    const env = askpass(`if [ $count = 1 ]; then echo 000000; else ${goodCode()}; fi`);
    expect(await ssh(env)).toMatchObject({ code: 0, stderr: '' });
    expect(asked()).toHaveLength(2);
    expect(asked()[1]).toMatch(/^AWS refused the MFA code; take the next one\. MFA code of/);
  });

  it('takes a refusal for a minute, however often it is started', async () => {
    const env = askpass('exit 1');
    const runs = await Promise.all(Array.from({ length: 5 }, () => ssh(env)));
    runs.push(await ssh(env));
    for (const { code, stderr } of runs) {
      expect(code).toBe(255);
      expect(stderr).toMatch(
        /needs an MFA code, and asking for it came to nothing: Cancelled.* \[DA_MFA_DECLINED\] Next: run devaccess mfa/,
      );
    }
    expect(asked()).toHaveLength(1);
    const proxy = await person.run('devaccess-proxy', [person.bastionId, '22'], { env });
    expect(proxy.code).toBe(3);
    // A person who runs the command is asked at any time, and that ends it.
    const mfa = await person.run('devaccess', ['mfa'], { env: askpass(goodCode()) });
    expect(mfa.code).toBe(0);
    expect((await ssh(env)).code).toBe(0);
  });

  it('names the command at once where nobody can be asked', async () => {
    const run = await person.run('devaccess-proxy', [person.bastionId, '22'], { env: {} });
    expect(run.code).toBe(3);
    expect(run.stderr).toMatch(/\[DA_NO_CREDENTIALS\] Next: run devaccess mfa\n$/);
  });

  it('asks for no code that would not help', async () => {
    const expired = {
      AWS_ACCESS_KEY_ID: 'ASIAEXAMPLEEXAMPLE00',
      AWS_SECRET_ACCESS_KEY: 'x',
      AWS_SESSION_TOKEN: 'x',
    };
    const env = { ...askpass(goodCode()), ...expired };
    expect((await person.run('devaccess-proxy', [person.bastionId, '22'], { env })).code).not.toBe(
      0,
    );
    const args = [person.bastionId, '22', '--profile', 'nobody'];
    expect((await person.run('devaccess-proxy', args, { env })).code).toBe(3);
    expect(asked()).toEqual([]);
  });

  it('gives up a prompt that nobody waits for any more', async () => {
    const env = askpass(
      `echo $$ > '${person.home}/pid'; echo x >> '${person.home}/asked'; exec sleep 100`,
    );
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], env);
    await eventually('it asks', () => asked().length === 2);
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(143);
    const program = Number(readFileSync(join(person.home, 'pid'), 'utf8'));
    await eventually('the program that asks has ended', () => !isRunning(program));
  });
});

describe('ssh with a session that expires', () => {
  it('asks with the program in the middle, and loses nothing', async () => {
    const front = await Front.open(person.aws.sandbox.endpoint);
    const token = person.aws.sandbox.mfaCode();
    expect((await person.run('devaccess', ['mfa', '--token', token])).code).toBe(0);
    const env = { ...askpass('cat code'), ...front.env };
    const child = person.start('ssh', ['bastion', 'cat'], env);
    const finished = collect(child);
    child.stdin.write('before\n');
    expect(await firstOutput(child)).toBe('before\n');
    clockOffsetMs += SESSION_MS + 1_000;
    writeFileSync(join(person.home, 'code'), `${person.aws.sandbox.mfaCode()}\n`);
    front.cut();
    child.stdin.end('after\n');
    const { code, stdout } = await finished;
    expect([code, stdout.toString()]).toEqual([0, 'before\nafter\n']);
    expect(asked()).toHaveLength(1);
    front.close();
  });
});

describe.runIf(hasTerminal)('on a terminal', () => {
  it('ssh asks there and goes on', async () => {
    const config = join(person.home, '.ssh', 'config');
    const { code, screen, stdout } = await commandOnTerminal(
      `ssh -F '${config}' bastion 'echo reached'`,
      [{ after: 'mfa/alice:', text: `${person.aws.sandbox.mfaCode()}\r` }],
      { env: person.env(), folder: person.home },
    );
    expect(code).toBe(0);
    expect(screen).toContain('MFA code of arn:aws:iam::123456789012:mfa/alice:');
    expect(stdout).toBe('reached\n');
  });
});
