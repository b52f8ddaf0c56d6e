import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseIni, sectionValues } from '../../src/aws/files/ini-document.ts';
import { errorLine } from '../../src/platform/errors.ts';
import type { WrittenProfile } from '../../src/roles-anywhere/kept-profile.ts';
import { sessionPlan } from '../../src/roles-anywhere/session-plan.ts';
import { keepProfile, updateOnce } from '../../src/roles-anywhere/update.ts';
import { Authority } from './support/authority.ts';
import { asArguments, Machine } from './support/machine.ts';
import { devaccess } from './cli.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.arrive();
});
afterAll(() => machine.leave());
let env: Record<string, string>;
beforeEach(() => {
  machine.answers.length = 0;
  env = machine.env({
    XDG_STATE_HOME: join(machine.home, `state-${Math.random()}`),
    AWS_SHARED_CREDENTIALS_FILE: join(machine.home, `credentials-${Math.random()}`),
  });
});

const file = (): string => env['AWS_SHARED_CREDENTIALS_FILE']!;
function readFolder(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}
const put = (text: string): string => machine.write(file().slice(machine.home.length + 1), text);

/** One run in this process, and what became of it. */
async function once(profile: string, options = machine.options(machine.identity())) {
  const said: string[] = [];
  const world = {
    env,
    now: Date.now,
    say: (text: string) => said.push(text),
    askPassphrase: () => Promise.reject(new Error('nobody to ask')),
  };
  const outcome = await sessionPlan(options, env)
    .then((plan) => updateOnce(plan, profile, world))
    .catch(errorLine);
  return { outcome, said };
}

describe('devaccess anywhere update', () => {
  // Each of these loses something in aws_signing_helper (4.8 of the facts).
  it.each([
    ['at the end, without a newline', '[a]\nx = 1\n\n[node]\nregion = eu-west-1\nlast = line'],
    ['before a section of one line', '[node]\naws_access_key_id = old\n[other]'],
    ['as a header alone', '[a]\nx = 1\n[node]'],
    [
      'with keys that begin alike',
      '[node]\naws_access_key_id_note = keep\naws_access_key_id=old\n',
    ],
    ['with a comment at the header', '# mine\r\n[node]  # the machine\r\nregion = x\r\n'],
    ['that is new', '; nothing but this\n'],
  ])('writes a profile %s, and nothing else', async (_name, text) => {
    put(text);
    const { outcome } = await once('node');
    expect(outcome).toMatchObject({ profile: 'node', outcome: 'changed' });
    const written = readFileSync(file(), 'utf8');
    const values = sectionValues(parseIni(written), 'node')!;
    expect(values.get('aws_access_key_id')).toMatch(/^ASIA/);
    expect(values.get('expiration')).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    const kept = text.split(/\r?\n/).filter((line) => !/^aws_access_key_id ?=/.test(line));
    for (const line of kept) expect(written).toContain(line);
    expect(parseIni(written).problems.filter(({ isFatal }) => isFatal)).toEqual([]);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('leaves no older token behind that the AWS CLI would take instead', async () => {
    put('[node]\naws_security_token = old\naws_session_token = old\n');
    await once('node');
    expect(readFileSync(file(), 'utf8')).not.toMatch(/old|aws_security_token/);
  });

  it.each([
    [
      'aws_secret_access_key = s',
      /holds a long-term key, which would be lost \[DA_PROFILE_EXISTS\]/,
    ],
    ['aws_mfa_device = arn:aws:iam::1:mfa/me', /that sessions are made from \[DA_PROFILE_EXISTS\]/],
  ])('does not touch a long-term key, which may be its only copy: %s', async (line, message) => {
    const text = `[me]\naws_access_key_id = AKIAEXAMPLE\n${line}\n`;
    put(text);
    expect((await once('me')).outcome).toMatch(message);
    expect(readFileSync(file(), 'utf8')).toBe(text);
    expect(machine.answers).toEqual([]);
  });

  it('leaves the old credentials in place when new ones do not arrive', async () => {
    const text = '[node]\naws_access_key_id = ASIAOLD\naws_session_token = t\n';
    put(text);
    const stranger = machine.options(machine.identity({}, Authority.root('stranger')));
    expect((await once('node', stranger)).outcome).toMatch(/\[DA_CERTIFICATE_UNTRUSTED\]/);
    expect(readFileSync(file(), 'utf8')).toBe(text);
  });

  it('asks nobody where it could not write', async () => {
    put('[node\n');
    expect((await once('node')).outcome).toMatch(/\[DA_AWS_FILE_INVALID\]/);
    put('');
    expect((await once('a b')).outcome).toMatch(/\[DA_AWS_FILE_VALUE\]/);
    expect(machine.answers).toEqual([]);
  });

  it('renews before the end, alone, until it is told to stop', async () => {
    const plan = await sessionPlan(machine.options(machine.identity()), env);
    const stop = new AbortController();
    const clock = { offsetMs: 0 };
    const written: WrittenProfile[] = [];
    const said: string[] = [];
    const world = {
      env,
      now: () => Date.now() + clock.offsetMs,
      random: () => 0,
      say: (text: string) => void said.push(text),
      askPassphrase: () => Promise.reject(new Error('nobody to ask')),
      onWritten: (each: WrittenProfile) => void written.push(each),
    };
    let second: unknown;
    await keepProfile(plan, 'node', stop.signal, {
      ...world,
      pause: async (ms) => {
        // The service's clock goes along.
        clock.offsetMs += ms;
        machine.clock.offsetMs = clock.offsetMs;
        second ??= await keepProfile(plan, 'node', stop.signal, world).catch(errorLine);
        if (written.length === 3) stop.abort();
      },
    });
    machine.clock.offsetMs = 0;
    expect(second).toMatch(/keeps \[node\] of .* fresh already \[DA_UPDATE_RUNNING\]/);
    expect(written.map(({ outcome }) => outcome)).toEqual(['created', 'changed', 'changed']);
    const ends = written.map(({ expiration }) => Date.parse(expiration));
    expect(Math.round((ends[1]! - ends[0]!) / 60_000)).toBe(45);
    expect(said).toEqual([]);
  });

  it('takes the flags of aws_signing_helper, tells JSON, and ends cleanly on SIGTERM', async () => {
    const options = machine.options({ ...machine.identity(), profile: 'cli', json: '' });
    const args = ['anywhere', 'update', ...asArguments(options), '--with-proxy=false'];
    const onceMore = await devaccess([...args, '--once=true'], { env });
    expect(onceMore).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(onceMore.stdout)).toMatchObject({ profile: 'cli', outcome: 'created' });
    let kill: ((signal: NodeJS.Signals) => void) | undefined;
    machine.answers.length = 0;
    const run = devaccess(args, { env, onStarted: (given) => (kill = given) });
    // It is under way when it holds its lock, and that is when the file is looked at anew.
    await expect
      .poll(() => readFolder(join(env['XDG_STATE_HOME']!, 'devaccess', 'anywhere-update')), {
        timeout: 20_000,
      })
      .toHaveLength(1);
    kill!('SIGTERM');
    expect(await run).toMatchObject({ code: 0, stderr: '' });
    expect(readFolder(join(env['XDG_STATE_HOME']!, 'devaccess', 'anywhere-update'))).toEqual([]);
  });
});
