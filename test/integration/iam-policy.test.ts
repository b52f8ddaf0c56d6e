import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerPolicy, nodePolicy } from '../../src/iam/generated-policy.ts';
import type { AccessWords } from '../../src/iam/policy/access-request.ts';
import { FEATURES } from '../../src/iam/policy/features.ts';
import { renderPolicy } from '../../src/iam/render/render.ts';
import { devaccess } from './cli.ts';
import type { CliRun } from './cli.ts';
import { Person } from './support/person.ts';

const CLASSIC = fileURLToPath(new URL('../vectors/iam/classic-policy.json', import.meta.url));
const PLACE = ['--account', '123456789012', '--region', 'eu-central-1'];
const WORDS: AccessWords = {
  account: '123456789012',
  regions: ['eu-central-1'],
  kind: 'user',
  name: 'devaccess',
  features: FEATURES,
  documents: [],
  tags: ['ssh-access=team-a'],
  targets: ['i-0123456789abcdef0', 'mi-0123456789abcdef0'],
  kmsKeys: ['arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'],
  osUser: 'ec2-user',
  trusted: [],
  mfaAgeS: 43_200,
  strict: true,
};
/** One of each kind, with all that it can have. */
const VARIANTS = [
  callerPolicy(WORDS),
  callerPolicy({ ...WORDS, kind: 'role', features: ['ssh'], osUser: undefined }),
  nodePolicy({ ...WORDS, managed: true }),
];
const WHOLE = { section: 'permissions', part: undefined } as const;

function has(program: string, argument: string): boolean {
  const env = { ...process.env, CHECKPOINT_DISABLE: '1' };
  return spawnSync(program, [argument], { env }).status === 0;
}

describe('devaccess iam policy', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'devaccess-iam-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** With no AWS files and nobody to ask. */
  function policy(...args: string[]): Promise<CliRun> {
    return devaccess(['iam', 'policy', ...args], { env: { HOME: folder } });
  }

  it('prints nothing but the policy on stdout, offline, and its size and scope on stderr', async () => {
    const run = await policy(...PLACE);
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ Version: '2012-10-17' });
    expect(run.stderr).toMatch(/every node of the account.*--tag/);
    expect(run.stderr).toMatch(/\d+ characters; managed \(6144\): fits, inline of a user \(2048\)/);
  });

  it('takes the region of the environment, and asks for an account that nothing tells', async () => {
    const env = { HOME: folder, AWS_REGION: 'cn-north-1' };
    const run = await devaccess(['iam', 'policy', '--account', '123456789012'], { env });
    expect(run.stdout).toContain('arn:aws-cn:ec2:cn-north-1:123456789012:instance/*');
    const none = await policy('--region', 'eu-central-1');
    expect(none.code).toBe(3);
    expect(none.stderr).toContain('DA_NO_CREDENTIALS');
  });

  it('explains each statement', async () => {
    const run = await policy(...PLACE, '--role', '--explain');
    const sids = run.stdout.match(/^[A-Z]\w+$/gm);
    expect(sids).toEqual([
      ...['StartOnAllNodes', 'SessionDocuments', 'OwnDataChannel', 'OwnSessions', 'Discover'],
      ...['HybridTags', 'NoPreferenceChanges', 'AssumeWithMfa', 'AssumeAccessRole'],
    ]);
    expect(run.stdout.match(/^ {2}why: {5}\S/gm)).toHaveLength(9);
    expect(run.stdout.match(/^ {2}without: \S/gm)).toHaveLength(9);
  });

  it('is an object with --json, statements with their reasons', async () => {
    const { stdout } = await policy(...PLACE, '--side', 'instance', '--managed', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'instance',
      policies: [],
      managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'],
      trustPolicy: { Statement: [{ Principal: { Service: 'ec2.amazonaws.com' } }] },
      statements: [{ section: 'trust' }],
    });
  });

  it.each([
    [['--tag', 'team=東京'], 'DA_USAGE'],
    [['--trust', '123456789012'], '--role'],
  ])('refuses %j', async (args, text) => {
    const run = await policy(...PLACE, ...args);
    expect(run.code).toBe(2);
    expect(run.stdout).toBe('');
    expect(run.stderr).toContain(text);
  });

  it.skipIf(!has('cfn-lint', '--version'))('makes CloudFormation that cfn-lint takes', () => {
    const files = VARIANTS.map((variant, index) => {
      const file = join(folder, `${index}.yaml`);
      writeFileSync(file, renderPolicy(variant, 'cloudformation', WHOLE));
      return file;
    });
    const lint = spawnSync('cfn-lint', files, { encoding: 'utf8' });
    expect(lint.stdout).toBe('');
    expect(lint.status).toBe(0);
  });

  it.skipIf(!has('terraform', 'version'))('makes Terraform as terraform fmt has it', () => {
    const input = VARIANTS.map((variant) => renderPolicy(variant, 'terraform', WHOLE)).join('\n\n');
    const env = { PATH: process.env['PATH'], HOME: folder };
    const format = spawnSync('terraform', ['fmt', '-'], { input, encoding: 'utf8', env });
    expect(format.stderr).toBe('');
    expect(format.stdout).toBe(`${input}\n`);
  });

  describe('--diff', () => {
    it('exits 1 where something severe is found, and 0 where not', async () => {
      const classic = await policy('--diff', CLASSIC);
      expect(classic.code).toBe(1);
      expect(classic.stdout).toMatch(
        /^critical {2}Session preferences.*\n.*statement 3 \(Preferences\)/,
      );
      expect(classic.stdout).toMatch(/1 critical, 1 high, 2 medium, 4 low\n$/);
      const { stdout } = await policy(...PLACE, '--tag', 'team=a', '--strict');
      const own = await devaccess(['iam', 'policy', '--diff', '-', '--json'], {
        env: { HOME: folder },
        input: stdout,
      });
      expect(own.code).toBe(0);
      expect(JSON.parse(own.stdout)).toMatchObject({
        source: 'stdin',
        findings: [],
        lacks: [],
        notNeeded: [],
      });
    });

    it('says that there is no such file', async () => {
      const run = await policy('--diff', 'missing.json');
      expect(run.code).toBe(1);
      expect(run.stderr).toContain('DA_FILE_NOT_READABLE');
    });
  });
});

describe('devaccess iam policy, signed in', () => {
  let person: Person;
  beforeAll(async () => (person = await Person.arrive()));
  afterAll(() => person.leave());

  it('is of the account of the profile', async () => {
    await person.startDay();
    const run = await person.run('devaccess', ['iam', 'policy', '--tag', 'team=a', '--json']);
    const { place } = JSON.parse(run.stdout.toString()) as { place: Record<string, unknown> };
    expect(place).toEqual({
      partition: 'aws',
      account: person.aws.sandbox.account.accountId,
      regions: [person.env()['AWS_REGION']],
    });
  });
});
