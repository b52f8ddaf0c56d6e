import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OpenSession } from '../../src/session/directory/open-session.ts';
import type { EndedSession } from '../../src/session/directory/session-directory.ts';
import { collect, eventually, Person } from './support/person.ts';

let person: Person;
let nowMs = Date.now();

beforeAll(async () => {
  person = await Person.arrive({ now: () => nowMs });
  await person.startDay();
});
afterAll(() => person.leave());
afterEach(() => {
  for (const { sessionId } of person.aws.sandbox.registry.list()) {
    person.aws.sandbox.registry.terminate(sessionId, '');
  }
  nowMs = Date.now();
});

/** A session as another program or person has started it. */
function startSession(options: { owner?: string; agoMs?: number; status?: 'Disconnected' } = {}) {
  const { owner = 'user/alice', agoMs = 0, status } = options;
  nowMs = Date.now() - agoMs;
  const { sandbox } = person.aws;
  const session = sandbox.registry.start({
    target: person.bastionId,
    documentName: 'AWS-StartSSHSession',
    parameters: { portNumber: ['22'] },
    ownerArn: `arn:aws:iam::${sandbox.account.accountId}:${owner}`,
    ownerUserId: owner === 'user/alice' ? sandbox.user.userId : 'AIDAOTHER',
    ownerName: owner.split('/')[1]!,
  });
  nowMs = Date.now();
  if (status !== undefined) session.status = status;
  return session.sessionId;
}

async function list(...args: string[]): Promise<(OpenSession & { host: string | null })[]> {
  const { code, stdout, stderr } = await person.run('devaccess', [
    ...['sessions', 'list', '--json'],
    ...args,
  ]);
  expect([code, stderr]).toEqual([0, '']);
  return (JSON.parse(stdout.toString()) as { sessions: (OpenSession & { host: string | null })[] })
    .sessions;
}

const HOUR_MS = 3_600_000;

describe('devaccess sessions list', () => {
  it('shows where, since when and by whom', async () => {
    const id = startSession({ agoMs: 2 * HOUR_MS + 90_000 });
    expect(await list()).toEqual([
      {
        sessionId: id,
        target: person.bastionId,
        host: 'bastion',
        status: 'Connected',
        startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
        ageSeconds: expect.closeTo(7290, -2) as number,
        document: 'AWS-StartSSHSession',
        owner: 'arn:aws:iam::123456789012:user/alice',
        reason: null,
        stale: null,
      },
    ]);
    const { stdout } = await person.run('devaccess', ['sessions', 'list']);
    const [head, line, ...rest] = stdout.toString().split('\n');
    expect(head).toMatch(/^SESSION +HOST +OPEN FOR +STATUS +BY +DOCUMENT$/);
    expect(line).toMatch(
      new RegExp(`^${id} +bastion +2 h 1 min +Connected +user/alice +AWS-StartSSHSession$`),
    );
    expect(rest).toEqual(['']);
  });

  it('shows only your own, and only those left behind, when asked to', async () => {
    const mine = startSession();
    const lost = startSession({ status: 'Disconnected' });
    const long = startSession({ agoMs: 13 * HOUR_MS });
    const others = startSession({ owner: 'user/mallory', agoMs: 3 * HOUR_MS });
    const ids = async (...args: string[]): Promise<string[]> =>
      (await list(...args)).map(({ sessionId }) => sessionId).sort();
    expect(await ids()).toEqual([mine, lost, long, others].sort());
    expect(await ids('--mine')).toEqual([mine, lost, long].sort());
    expect(await ids('--stale')).toEqual([lost, long].sort());
    expect(await ids('--stale', '--older-than', '2h')).toEqual([lost, long, others].sort());
    expect(await ids('--mine', '--stale', '--older-than', '14h')).toEqual([lost]);
    const stale = new Map((await list()).map(({ sessionId, stale }) => [sessionId, stale]));
    expect(stale.get(lost)).toBe('disconnected');
    expect(stale.get(long)).toBe('open for long');
  });

  it('asks for every page', async () => {
    const ids = Array.from({ length: 450 }, () => startSession());
    expect((await list()).map(({ sessionId }) => sessionId).sort()).toEqual(ids.sort());
  });

  it('shows a session that is really open, and nothing when none is', async () => {
    expect(await list()).toEqual([]);
    const child = person.start('devaccess', ['run', 'bastion', '--', 'sleep 1005']);
    const finished = collect(child);
    await eventually('it is open', () => person.openSessions() === 1);
    expect(await list('--mine')).toMatchObject([
      { host: 'bastion', status: 'Connected', document: 'AWS-StartNonInteractiveCommand' },
    ]);
    const { sessionId } = (await list())[0]!;
    const ended = await person.run('devaccess', ['sessions', 'terminate', sessionId]);
    expect([ended.code, ended.stdout.toString()]).toEqual([0, `ended ${sessionId}\n`]);
    expect(await finished).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /ended before the command was done.*DA_SESSION_ENDED/,
      ) as string,
    });
  });
});

describe('devaccess sessions terminate', () => {
  async function terminate(...args: string[]) {
    const { code, stdout } = await person.run('devaccess', [
      ...['sessions', 'terminate', '--json'],
      ...args,
    ]);
    return { code, ...(JSON.parse(stdout.toString()) as { sessions: EndedSession[] }) };
  }

  it('ends those named, and tells which could not be', async () => {
    const one = startSession();
    const others = startSession({ owner: 'user/mallory' });
    const result = await terminate(one, 'alice-00000000000000000', others, one);
    expect(result).toMatchObject({
      code: 4,
      sessions: [
        { sessionId: one, ended: true, error: null },
        { ended: false, error: { code: 'DA_SESSION_UNKNOWN' } },
        { sessionId: others, ended: false, error: { code: 'DA_ACCESS_DENIED' } },
      ],
    });
    expect(person.aws.sandbox.registry.get(one)!.status).toBe('Terminated');
    expect(person.aws.sandbox.registry.get(others)!.status).toBe('Connected');
    expect((await terminate('alice-00000000000000000')).code).toBe(1);
  });

  it('ends those that the filters choose', async () => {
    const used = startSession();
    const lost = startSession({ status: 'Disconnected' });
    const others = startSession({ owner: 'user/mallory', status: 'Disconnected' });
    const result = await terminate('--mine', '--stale');
    expect(result).toMatchObject({ code: 0, sessions: [{ sessionId: lost, ended: true }] });
    for (const id of [used, others]) {
      expect(person.aws.sandbox.registry.get(id)!.status).not.toBe('Terminated');
    }
    expect((await terminate('--mine', '--stale')).sessions).toEqual([]);
  });

  it('ends nothing without being told what', async () => {
    startSession();
    for (const args of [[], ['alice-1', '--mine']]) {
      const { code, stderr } = await person.run('devaccess', ['sessions', 'terminate', ...args]);
      expect([code, stderr]).toEqual([2, expect.stringContaining('--mine or --stale')]);
    }
    expect(person.openSessions()).toBe(1);
  });
});
