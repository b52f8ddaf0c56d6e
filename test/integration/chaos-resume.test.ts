import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Front } from './support/front.ts';
import type { Treatment } from './support/front.ts';
import { collect, eventually, firstOutput, Person, sha256 } from './support/person.ts';

const MIB = 1024 * 1024;

let person: Person;
let front: Front;

beforeAll(async () => {
  person = await Person.arrive();
  await person.startDay();
});
afterAll(() => person.leave());
afterEach(async () => {
  front.close();
  await person.noSessionIsOpen();
});

async function openFront(): Promise<Record<string, string>> {
  front = await Front.open(person.aws.sandbox.endpoint);
  return front.env;
}

function openSession(): string {
  const [session] = person.aws.sandbox.registry
    .list()
    .filter(({ status }) => status !== 'Terminated');
  return session!.sessionId;
}

/** Refuses the first of each three in a row in another way. */
function threeRefusals(): () => Treatment {
  let count = 0;
  return () => {
    count += 1;
    return ([503, 'reset', 503, 'pass'] as const)[(count - 1) % 4]!;
  };
}

describe('real ssh over a connection that breaks', () => {
  it('uploads byte for byte through cuts, each with another address and three refusals', async () => {
    const env = await openFront();
    front.cutEveryBytes = 3 * MIB;
    front.upgrade = threeRefusals();
    const data = randomBytes(14 * MIB);
    const run = await person.run('ssh', ['bastion', 'cat > up.bin; sha256sum < up.bin'], {
      input: data,
      env,
    });
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout.toString()).toContain(sha256(data));
    expect(front.cuts).toBeGreaterThanOrEqual(4);
    const ports = front.events.flatMap((event) => /^upgrade on (\d+)/.exec(event)?.[1] ?? []);
    expect(new Set(ports).size).toBe(3);
  });

  it('notices a connection that went silent while data waits, and goes on', async () => {
    const env = await openFront();
    const child = person.start('ssh', ['bastion', 'cat'], env);
    const finished = collect(child);
    child.stdin.write('before\n');
    await firstOutput(child);
    // The next connection is a good one again.
    front.upgrade = () => {
      front.isSilent = false;
      return 'pass';
    };
    front.isSilent = true;
    child.stdin.write('after\n');
    await eventually('the silent connection is given up', () => !front.isSilent);
    child.stdin.end();
    const run = await finished;
    expect(run.code).toBe(0);
    expect(run.stdout.toString()).toBe('before\nafter\n');
    expect(run.stderr).toBe('');
  });

  it('survives being stopped, with the connection cut meanwhile', async () => {
    const env = await openFront();
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], env);
    const finished = collect(child);
    expect(await firstOutput(child)).toMatch(/^SSH-2\.0-/);
    child.kill('SIGSTOP');
    child.stdin.write('SSH-2.0-test\r\n');
    front.cut();
    // The gateway has noticed before the client wakes up.
    await eventually(
      'the session is disconnected',
      () => person.aws.sandbox.registry.get(openSession())?.status === 'Disconnected',
    );
    child.kill('SIGCONT');
    // The server's key exchange follows on what was written while stopped.
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await finished).toMatchObject({ code: 143, stderr: '' });
  });

  it('resumes with credentials that were renewed meanwhile', async () => {
    const env = await openFront();
    const child = person.start('ssh', ['bastion', 'cat'], env);
    const finished = collect(child);
    child.stdin.write('before\n');
    await firstOutput(child);
    const credentials = join(person.home, '.aws', 'credentials');
    const good = readFileSync(credentials, 'utf8');
    const resumed = (): number =>
      front.events.filter((event) => event === 'SSM.ResumeSession').length;
    // Expired ones, as after an hour; the file is replaced as devaccess mfa does.
    const replaceBy = (text: string): void => {
      writeFileSync(`${credentials}.new`, text, { mode: 0o600 });
      renameSync(`${credentials}.new`, credentials);
    };
    replaceBy(good.replace(/aws_session_token = .*/, 'aws_session_token = expired'));
    front.cut();
    await eventually('resuming is refused twice', () => resumed() >= 2);
    replaceBy(good);
    child.stdin.end('after\n');
    const run = await finished;
    expect(run.code).toBe(0);
    expect(run.stdout.toString()).toBe('before\nafter\n');
  });

  it('fails with the reason when the gateway refuses from the start', async () => {
    const env = await openFront();
    front.upgrade = () => 503;
    const run = await person.run('devaccess-proxy', [person.bastionId, '22'], { env });
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/gateway could not be reached: .* HTTP 503 .*\[DA_GATEWAY\]/s);
    expect(front.events.filter((event) => event.includes('503')).length).toBeGreaterThan(2);
    expect(front.events.at(-1)).toBe('SSM.TerminateSession');
  });

  it('says so when the connection stays away for a while, and when it is back', async () => {
    const env = await openFront();
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], env);
    const finished = collect(child);
    await firstOutput(child);
    let said = '';
    child.stderr.on('data', (text: string) => (said += text));
    front.upgrade = () => 503;
    front.cut();
    await eventually('the person is told', () => said.includes('resuming the session'));
    front.upgrade = () => 'pass';
    await eventually('the person is told that it is back', () => said.includes('is back'));
    child.kill('SIGTERM');
    await finished;
  });
});

describe('a download', () => {
  it('arrives byte for byte through cuts', async () => {
    // The agent recovers ten lost messages a second, as the real one: it gets few to lose.
    const downloader = await Person.arrive({ agent: { windowMessages: 48 } });
    try {
      await downloader.startDay();
      front = await Front.open(downloader.aws.sandbox.endpoint);
      const data = randomBytes(16 * MIB);
      const { hosts } = downloader.aws.hosts;
      const home = hosts.find(({ name }) => name === 'bastion')!.homeDirectory;
      writeFileSync(join(home, 'down.bin'), data);
      front.cutEveryBytes = 8 * MIB;
      const run = await downloader.run('ssh', ['bastion', 'cat down.bin'], { env: front.env });
      expect(run).toMatchObject({ code: 0, stderr: '' });
      expect(sha256(run.stdout)).toBe(sha256(data));
      expect(front.cuts).toBeGreaterThanOrEqual(2);
    } finally {
      await downloader.leave();
    }
  });
});

describe('a session that cannot be resumed', () => {
  /** A proxy whose session works. */
  async function startProxy(): Promise<{ finished: ReturnType<typeof collect> }> {
    const env = await openFront();
    const child = person.start('devaccess-proxy', [person.bastionId, '22'], env);
    const finished = collect(child);
    await firstOutput(child);
    return { finished };
  }

  it('that has ended says so and fails', async () => {
    const { finished } = await startProxy();
    const sessionId = openSession();
    front.upgrade = () => 'reset';
    front.cut();
    person.aws.sandbox.registry.terminate(sessionId, '');
    const run = await finished;
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/is over: .* \[DA_SESSION_OVER\]/);
  });

  it('for access denied', async () => {
    const { finished } = await startProxy();
    front.upgrade = () => 403;
    front.cut();
    const run = await finished;
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/could not be resumed: .*HTTP 403.*\[DA_RESUME\]/);
  });

  it('because the gateway closes every connection at once, without hammering it', async () => {
    const { finished } = await startProxy();
    // Tokens that the gateway does not take: it closes with 1008 after the first frame.
    const { registry } = person.aws.sandbox;
    const redeem = registry.redeemToken.bind(registry);
    registry.redeemToken = () => false;
    try {
      front.cut();
      const run = await finished;
      expect(run.code).toBe(1);
      expect(run.stderr).toMatch(/could not be resumed: .*1008 Token is not valid.*\[DA_RESUME\]/);
    } finally {
      registry.redeemToken = redeem;
    }
    const resumes = front.events.filter((event) => event === 'SSM.ResumeSession').length;
    expect(resumes).toBeGreaterThan(3);
    expect(resumes).toBeLessThan(20);
  });

  it('because its new address leads elsewhere', async () => {
    const { finished } = await startProxy();
    front.streamOrigin = 'wss://gateway.evil.example';
    front.cut();
    const run = await finished;
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/could not be resumed: .*gateway\.evil\.example.*\[DA_STREAM_URL\]/);
  });
});

describe('the upgrade', () => {
  it('is not redirected, and the token goes nowhere', async () => {
    const env = await openFront();
    const elsewhere = await Front.open(person.aws.sandbox.endpoint);
    front.upgrade = () => ({ redirect: elsewhere.env['AWS_ENDPOINT_URL']! });
    const run = await person.run('devaccess-proxy', [person.bastionId, '22'], { env });
    elsewhere.close();
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/answered HTTP 302.*\[DA_GATEWAY\]/);
    expect(elsewhere.events).toEqual([]);
    expect(Buffer.concat(front.seenElsewhere).toString()).not.toContain('TokenValue');
  });
});
