import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseIni, sectionValues } from '../../src/aws/files/ini-document.ts';
import { rotateKey } from '../../src/credentials/rotation/rotate-key.ts';
import type { RotationRequest } from '../../src/credentials/rotation/rotate-key.ts';
import { userSession } from '../../src/credentials/own-user/user-session.ts';
import { moveKey } from '../../src/credentials/stored-keys/move-key.ts';
import type { KeyPlace } from '../../src/credentials/stored-keys/key-places.ts';
import { DevaccessError } from '../../src/platform/errors.ts';
import type { AccessKey } from '../../src/sandbox/iam/entities.ts';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { namesInKeyFile } from '../../src/platform/secrets/encrypted-file.ts';
import { AccountHolder, role } from './support/account-holder.ts';
import { ROTATE, worldOf } from './support/mortal-rotation.ts';

const DAY_MS = 86_400_000;

let alice: AccountHolder;
let programs: string;
let first: AccessKey;
let policies: AccountHolder['sandbox']['user']['attachedPolicies'];
beforeAll(async () => {
  alice = await AccountHolder.arrive();
  first = { ...alice.sandbox.accessKey };
  policies = new Set(alice.sandbox.user.attachedPolicies);
  programs = mkdtempSync(join(tmpdir(), 'devaccess-mortal-'));
  await build({
    entryPoints: [join(import.meta.dirname, 'support', 'mortal-rotation.ts')],
    outfile: join(programs, 'rotate.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['@napi-rs/keyring'],
    mainFields: ['module', 'main'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
});
afterAll(async () => {
  rmSync(programs, { recursive: true });
  await alice.leave();
});

beforeEach(() => {
  for (const folder of ['.local', 'keychain']) {
    rmSync(join(alice.home, folder), { recursive: true, force: true });
  }
  rmSync(join(alice.home, '.aws', 'devaccess-keys.json'), { force: true });
  keys().splice(0, 2, { ...first, createdAtMs: Date.now() - 100 * DAY_MS });
  alice.writeCredentials(
    `# mine\n${alice.longTermSection().replace(/aws_mfa_device.*\n/, 'region = us-east-1\n')}`,
  );
  vi.stubEnv('AWS_ENDPOINT_URL', alice.sandbox.endpoint);
});
afterEach(() => {
  vi.unstubAllEnvs();
  const { user } = alice.sandbox;
  user.inlinePolicies.delete('denied');
  for (const policy of policies) user.attachedPolicies.add(policy);
});

const keys = (): AccessKey[] => alice.sandbox.user.accessKeys;
const stateFiles = (): string[] => {
  const folder = join(alice.home, '.local', 'state', 'devaccess', 'key-rotations');
  return existsSync(folder) ? readdirSync(folder).filter((name) => name !== 'ages.json') : [];
};
const rotate = (change: Partial<RotationRequest> = {}, world = worldOf(alice.home)) =>
  rotateKey({ ...ROTATE, ...change }, world);
const moveTo = async (place: KeyPlace): Promise<void> => {
  if (place === (await inUse()).place) return;
  const request = { profile: 'default', longTermSuffix: undefined, forTools: undefined };
  await moveKey({ ...request, to: place }, worldOf(alice.home));
};

/** The key that the section names, with the secret from where it says that is. */
async function inUse(): Promise<{ place: KeyPlace; accessKeyId: string; secretAccessKey: string }> {
  const values = sectionValues(parseIni(alice.credentials()), 'default-long-term')!;
  const place = (values.get('devaccess_store') ?? 'plain') as KeyPlace;
  if (place === 'plain') {
    expect(values.has('devaccess_entry')).toBe(false);
    const [accessKeyId, secretAccessKey] = ['aws_access_key_id', 'aws_secret_access_key'].map(
      (key) => values.get(key)!,
    ) as [string, string];
    return { place, accessKeyId, secretAccessKey };
  }
  expect(values.has('aws_secret_access_key')).toBe(false);
  const text = await worldOf(alice.home).openStore(place).read(values.get('devaccess_entry')!);
  return { place, ...(JSON.parse(text!) as { accessKeyId: string; secretAccessKey: string }) };
}

/** Whatever has happened, the person can sign in. */
async function nobodyIsLockedOut(place: KeyPlace): Promise<void> {
  const key = await inUse();
  expect(key.place).toBe(place);
  expect(keys()).toContainEqual(
    expect.objectContaining({
      accessKeyId: key.accessKeyId,
      secretAccessKey: key.secretAccessKey,
      status: 'Active',
    }),
  );
}

/** One key, in IAM and here, and nothing of another. */
async function isDone(place: KeyPlace, isNew: boolean): Promise<void> {
  await nobodyIsLockedOut(place);
  expect(keys()).toHaveLength(1);
  const [{ accessKeyId, secretAccessKey }] = keys() as [AccessKey];
  expect(accessKeyId !== first.accessKeyId).toBe(isNew);
  expect(stateFiles()).toEqual([]);
  const folder = join(alice.home, 'keychain');
  const kept = [
    ...(existsSync(folder) ? readdirSync(folder) : []),
    ...namesInKeyFile(join(alice.home, '.aws', 'devaccess-keys.json')),
  ];
  expect(kept).toHaveLength(place === 'plain' ? 0 : 1);
  const plain = alice.credentials();
  expect(plain.includes(secretAccessKey)).toBe(place === 'plain');
  if (isNew) expect(filesText()).not.toContain(first.secretAccessKey);
}

function filesText(): string {
  return readdirSync(alice.home, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}

const refusal = async (work: Promise<unknown>): Promise<DevaccessError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DevaccessError)) throw new Error(`no refusal: ${String(error)}`);
  return error;
};

describe.each(['plain', 'keychain', 'file'] as const)('a rotation with the key in %s', (place) => {
  it('ends with a new key, and without the old one', async () => {
    await moveTo(place);
    const before = alice.credentials();
    expect(await rotate()).toMatchObject({
      action: 'finished',
      place,
      formerSuffix: first.accessKeyId.slice(-4),
    });
    await isDone(place, true);
    const others = (text: string): string[] =>
      text.split('\n').filter((line) => !/access_key|entry/.test(line));
    expect(others(alice.credentials())).toEqual(others(before));
  });

  it('can be taken back until the old key is deleted', async () => {
    await moveTo(place);
    expect(await rotate({ graceMs: DAY_MS })).toMatchObject({ action: 'rotated' });
    await nobodyIsLockedOut(place);
    expect(keys().map(({ status }) => status)).toEqual(['Inactive', 'Active']);
    expect(await rotate({ mode: 'abort' })).toMatchObject({
      action: 'aborted',
      accessKeyIdSuffix: first.accessKeyId.slice(-4),
    });
    await isDone(place, false);
    expect(await rotate({ mode: 'abort' })).toMatchObject({ action: 'nothing' });
  });
});

/** Every call of a rotation, in its order. */
const CALLS = [
  ...['identity', 'listKeys', 'listKeys 2', 'createKey', 'identity 2', 'identity 3', 'setActive'],
  ...['listKeys 3', 'lastUsed', 'deleteKey'],
];
const POINTS = CALLS.flatMap((call) => [`before ${call}`, `after ${call}`]);

describe('a rotation that is interrupted', () => {
  it('makes these calls', async () => {
    const steps: string[] = [];
    await rotate(
      {},
      worldOf(alice.home, (step) => steps.push(step)),
    );
    expect(steps).toEqual(POINTS);
  });

  it.each([{ place: 'keychain', points: ['before identity 3', 'after setActive'] }] as const)(
    'at whatever call, with the key in $place, goes on or is taken back, and locks nobody out',
    async ({ place, points }) => {
      for (const point of points) {
        for (const mode of ['usual', 'abort'] as const) {
          rmSync(join(alice.home, '.local'), { recursive: true, force: true });
          rmSync(join(alice.home, 'keychain'), { recursive: true, force: true });
          rmSync(join(alice.home, '.aws', 'devaccess-keys.json'), { force: true });
          keys().splice(0, 2, { ...first });
          alice.writeCredentials(alice.longTermSection().replace(/aws_mfa_device.*\n/, ''));
          await moveTo(place);
          const lost = new DevaccessError('DA_ENDPOINT_UNREACHABLE', point);
          const breaking = worldOf(alice.home, (step) => {
            if (step === point) throw lost;
          });
          expect(await refusal(rotate({}, breaking))).toBe(lost);
          await nobodyIsLockedOut(place);
          const { action } = await rotate({ mode });
          expect([point, mode, action]).toEqual([
            point,
            mode,
            mode === 'abort' ? 'aborted' : 'finished',
          ]);
          await isDone(place, mode !== 'abort');
        }
      }
    },
  );

  /** What is on the disk, and in IAM, after a kill. */
  interface Wreck {
    files: Map<string, string>;
    keys: AccessKey[];
  }
  const stateFolder = () => join(alice.home, '.local/state/devaccess/key-rotations');
  const wreck = (): Wreck => ({
    files: new Map(
      [alice.credentialsFile, ...stateFiles().map((name) => join(stateFolder(), name))].map(
        (path) => [path, readFileSync(path, 'utf8')],
      ),
    ),
    keys: keys().map((key) => ({ ...key })),
  });
  const restore = ({ files, keys: before }: Wreck): void => {
    rmSync(stateFolder(), { recursive: true });
    mkdirSync(stateFolder(), { mode: 0o700 });
    for (const [path, text] of files) writeFileSync(path, text, { mode: 0o600 });
    keys().splice(0, 2, ...before.map((key) => ({ ...key })));
  };

  // Before and after each step, with the step that the journal has then.
  it.each([
    ['before createKey', 'creating'],
    ['after createKey', 'creating'],
    ['before identity 2', 'created'],
    ['before identity 3', 'written'],
    ['after setActive', 'written'],
    ['before listKeys 3', 'deactivated'],
    ['after deleteKey', 'deactivated'],
  ])('by a kill %s, in %s, is gone on with or taken back', async (point, step) => {
    const child = spawn(process.execPath, [join(programs, 'rotate.mjs'), alice.home, point], {
      env: { PATH: process.env['PATH'], AWS_ENDPOINT_URL: alice.sandbox.endpoint },
      stdio: 'inherit',
    });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    await nobodyIsLockedOut('plain');
    const [name] = stateFiles().filter((each) => each.endsWith('.json')) as [string];
    for (const each of stateFiles()) {
      expect(statSync(join(stateFolder(), each)).mode & 0o777).toBe(0o600);
    }
    const journal = readFileSync(join(stateFolder(), name), 'utf8');
    expect(JSON.parse(journal)).toMatchObject({ step });
    expect(keys().some(({ secretAccessKey }) => journal.includes(secretAccessKey))).toBe(false);
    const found = wreck();

    expect(await rotate({ mode: 'resume' })).toMatchObject({ action: 'finished' });
    await isDone('plain', true);

    restore(found);
    const isGone = point === 'after deleteKey';
    if (isGone) {
      expect(await refusal(rotate({ mode: 'abort' }))).toMatchObject({ code: 'DA_ROTATION_OVER' });
      await nobodyIsLockedOut('plain');
      await rotate({ mode: 'resume' });
    } else {
      expect(await rotate({ mode: 'abort' })).toMatchObject({ action: 'aborted' });
    }
    await isDone('plain', isGone);
  });

  it('replaces a key at once whose making went unanswered', async () => {
    const lost = new DevaccessError('DA_ENDPOINT_UNREACHABLE', 'lost');
    const breaking = worldOf(alice.home, (step) => {
      if (step === 'after createKey') throw lost;
    });
    expect(await rotate({}, breaking)).toMatchObject({ action: 'finished' });
    await isDone('plain', true);
  });

  it.each([
    ['plain', 'keychain'],
    ['keychain', 'plain'],
  ] as const)('whose login moved from %s to %s meanwhile is taken back', async (from, to) => {
    await moveTo(from);
    await rotate({ graceMs: DAY_MS });
    await moveTo(to);
    await nobodyIsLockedOut(to);
    expect(await rotate({ mode: 'abort' })).toMatchObject({ action: 'aborted' });
    await isDone(to, false);
  });

  it('between the edit of the file and its note goes on', async () => {
    await rotate({ graceMs: DAY_MS });
    const [name] = stateFiles().filter((each) => each.endsWith('.json')) as [string];
    const path = join(alice.home, '.local/state/devaccess/key-rotations', name);
    const journal = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    expect(JSON.stringify(journal)).not.toContain(first.secretAccessKey);
    keys()[0]!.status = 'Active';
    writeFileSync(path, JSON.stringify({ ...journal, step: 'created', deactivatedMs: null }));
    expect(await rotate()).toMatchObject({ action: 'finished' });
    await isDone('plain', true);
  });
});

describe('a rotation', () => {
  it('stops at a second key, and deletes an inactive one where that is asked for', async () => {
    const other: AccessKey = {
      accessKeyId: 'AKIAOTHEROTHEROTHER1',
      secretAccessKey: 'x'.repeat(40),
      createdAtMs: Date.now() - 5 * DAY_MS,
      status: 'Active',
      lastUsed: { atMs: Date.now() - DAY_MS, service: 'ec2', region: 'eu-west-1' },
    };
    keys().push(other);
    const error = await refusal(rotate({ deletesInactive: true }));
    expect(error.code).toBe('DA_TWO_ACCESS_KEYS');
    expect(error.message).toMatch(/…HER1 \(active; last used .* for ec2 in eu-west-1\)/);
    other.status = 'Inactive';
    expect((await refusal(rotate())).next).toContain('--delete-inactive');
    expect(keys()).toHaveLength(2);
    expect(await rotate({ deletesInactive: true })).toMatchObject({ action: 'finished' });
    await isDone('plain', true);
  });

  it('does not touch a key that somebody else makes meanwhile', async () => {
    const stranger: AccessKey = { ...first, accessKeyId: 'AKIASTRANGERSTRANGER' };
    const world = worldOf(alice.home, (step) => {
      if (step !== 'before createKey') return;
      keys().push({ ...stranger, createdAtMs: Date.now() - DAY_MS });
    });
    const error = await refusal(rotate({}, world));
    expect(error.code).toBe('DA_IAM_LIMIT');
    await nobodyIsLockedOut('plain');
    expect(keys()).toHaveLength(2);
    expect(await refusal(rotate())).toMatchObject({ code: 'DA_TWO_ACCESS_KEYS' });
    await rotate({ mode: 'abort' });
    expect([keys().length, stateFiles()]).toEqual([2, []]);
  });

  it('takes itself back when AWS never takes the new key', async () => {
    const world = worldOf(alice.home, (step) => {
      if (step === 'after createKey') keys()[1]!.status = 'Inactive';
    });
    expect(await refusal(rotate({}, world))).toMatchObject({ code: 'DA_KEY_NOT_WORKING' });
    await isDone('plain', false);
  });

  it('waits for a new key that is not known everywhere yet', async () => {
    let late: AccessKey[] = [];
    const world = worldOf(alice.home, (step) => {
      if (step === 'after createKey') late = keys().splice(1);
      if (step === 'before identity 5') keys().push(...late);
    });
    expect(await rotate({}, world)).toMatchObject({ action: 'finished' });
    await isDone('plain', true);
  });

  it.each([
    ['iam:CreateAccessKey', false],
    ['iam:UpdateAccessKey', true],
  ])('that may not do %s says so and goes on later', async (action, hasNewKey) => {
    const denied = policyOf([{ Effect: 'Deny', Action: action, Resource: '*' }]);
    alice.sandbox.user.inlinePolicies.set('denied', denied);
    const error = await refusal(rotate());
    expect(error.code).toBe('DA_ACCESS_DENIED');
    expect(error.message).toContain(`${action} on arn:aws:iam::123456789012:user/alice`);
    await nobodyIsLockedOut('plain');
    expect(keys()).toHaveLength(hasNewKey ? 2 : 1);
    alice.sandbox.user.inlinePolicies.delete('denied');
    expect(await rotate()).toMatchObject({ action: 'finished' });
    await isDone('plain', true);
  });

  it('does not delete an old key that was used or activated after it was deactivated', async () => {
    await rotate({ graceMs: DAY_MS });
    const [old] = keys() as [AccessKey];
    old.lastUsed = { atMs: Date.now() + 600_000, service: 's3', region: 'us-east-1' };
    expect((await refusal(rotate())).message).toMatch(/used at .* for s3 in us-east-1, after/);
    old.status = 'Active';
    expect(await refusal(rotate())).toMatchObject({ code: 'DA_KEY_STILL_USED' });
    expect(keys()).toHaveLength(2);
  });

  it('keeps other sections with the same key in step', async () => {
    const copy = alice.longTermSection('ci').replace(/aws_mfa_device.*\n/, '');
    alice.writeCredentials(`${alice.credentials()}\n${copy}`);
    await rotate();
    const { accessKeyId } = await inUse();
    const ci = sectionValues(parseIni(alice.credentials()), 'ci');
    expect(ci?.get('aws_access_key_id')).toBe(accessKeyId);
    expect(filesText()).not.toContain(first.secretAccessKey);
  });
});

describe('devaccess iam rotate-keys', () => {
  const run = (...args: string[]) => alice.run(['iam', 'rotate-keys', ...args]);

  it('goes by age, with MFA, prints no secret, and keeps the session', async () => {
    alice.writeCredentials(alice.longTermSection());
    await alice.signIn();
    const done = await run('--max-age', '90d');
    expect(done).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/new key …\w{4}; …\w{4} is deactivated/) as unknown,
    });
    const { secretAccessKey } = await inUse();
    expect(`${done.stdout}${done.stderr}`).not.toContain(secretAccessKey);
    // The session that the old key made is still the one of this profile.
    expect((await alice.run(['mfa'])).stdout).toContain('is still valid');
    // In the morning, when nothing is due: not a word, and nothing is asked of AWS.
    alice.calls.length = 0;
    expect(await run('--max-age', '90d')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(alice.calls).toEqual([]);
    const last = await run('--grace', '0', '--json');
    expect(JSON.parse(last.stdout)).toMatchObject({ action: 'finished', place: 'plain' });
    await isDone('plain', true);
    expect(await run('--max-age', '90d')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await run('--resume')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('no rotation') as unknown,
    });
  });

  it('without a session says that nobody can be asked; of a role, for the key it is assumed with', async () => {
    alice.writeCredentials(alice.longTermSection());
    alice.writeConfig(
      `[profile ops]\nregion = us-east-1\nrole_arn = ${role('admin')}\nsource_profile = default\n`,
    );
    const none = await run('--max-age', '90d', '--profile', 'ops');
    expect(none.code).toBe(3);
    expect(none.stderr).toMatch(/^ops uses the key of \[default-long-term\]\n[^]*DA_NO_TERMINAL/);
    expect(keys()).toHaveLength(1);
  });

  it('asks for a session of the user where the profile is for one of a role, and keeps none', async () => {
    const longTerm = `${alice.longTermSection()}assume_role = ${role('admin')}\n`;
    alice.writeCredentials(longTerm);
    const asked: string[] = [];
    const world = {
      ...worldOf(alice.home),
      say: () => undefined,
      askCode: ({ device }: { device: string }) => {
        asked.push(device);
        return Promise.resolve(alice.nextCode());
      },
    };
    const query = { profile: 'default', longTermSuffix: undefined };
    const signIn = () => userSession(query, 'default', world);
    const policy = policyOf([
      {
        Effect: 'Deny',
        Action: 'iam:*',
        Resource: '*',
        Condition: { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } },
      },
    ]);
    alice.sandbox.user.inlinePolicies.set('denied', policy);
    expect(await rotate({}, { ...worldOf(alice.home), signIn })).toMatchObject({
      action: 'finished',
    });
    expect(asked).toEqual([alice.sandbox.mfaDevice.serialNumber]);
    await isDone('plain', true);
    expect(alice.credentials()).not.toContain('aws_session_token');
  });

  it.each([
    ['--max-age', 'old'],
    ['--resume', '--abort'],
  ])('refuses %s %s', async (...args) => {
    expect((await run(...args)).code).toBe(2);
  });

  it('asks for a session, too, where the key is in the section of the profile itself', async () => {
    alice.writeCredentials(alice.longTermSection('default'));
    const askCode = () => Promise.resolve(alice.nextCode());
    const query = { profile: 'default', longTermSuffix: 'none' };
    const world = { ...worldOf(alice.home), say: () => undefined, askCode };
    expect(await userSession(query, 'default', world)).toBeDefined();
    expect(alice.credentials()).toBe(alice.longTermSection('default'));
  });
});
