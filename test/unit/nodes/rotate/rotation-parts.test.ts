import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandDocument } from '../../../../src/nodes/rotate/command-document.ts';
import { endOf } from '../../../../src/nodes/rotate/invocation-status.ts';
import {
  initNodeKey,
  nodeKeyLine,
  readNodeKey,
  readTrustedKeys,
} from '../../../../src/nodes/rotate/node-keys.ts';
import { checkSchedule } from '../../../../src/nodes/rotate/schedule.ts';
import { scheduleTemplate } from '../../../../src/nodes/rotate/schedule-template.ts';
import { openPayload, sealPayload } from '../../../../src/nodes/rotate/sealed-payload.ts';
import { lastWord, scriptStreams } from '../../../../src/nodes/rotate/script-streams.ts';
import { parseShare, shareOf } from '../../../../src/nodes/rotate/share.ts';

const NODE = 'mi-0123456789abcdef0';
const OTHER = 'mi-0123456789abcdef1';
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error;

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'devaccess-rotate-unit-')));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a sealed payload', () => {
  const keys = generateKeyPairSync('x25519');
  const binding = { instanceId: NODE, name: 'shop' };
  const payload = sealPayload('the text', 1_700_000_000_000, binding, keys.publicKey);

  it('opens for the node and the name that it was sealed for', () => {
    expect(openPayload(payload, binding, keys)).toEqual({
      text: 'the text',
      expirationMs: 1_700_000_000_000,
    });
  });

  it('opens for nobody and nothing else', () => {
    expect(openPayload(payload, { ...binding, instanceId: OTHER }, keys)).toBeUndefined();
    expect(openPayload(payload, { ...binding, name: 'shop2' }, keys)).toBeUndefined();
    expect(openPayload(payload, binding, generateKeyPairSync('x25519'))).toBeUndefined();
  });

  it('opens in no other form', () => {
    const bytes = Buffer.from(payload, 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(openPayload(changed.toString('base64url'), binding, keys)).toBeUndefined();
      const cut = bytes.subarray(0, at).toString('base64url');
      expect(openPayload(cut, binding, keys)).toBeUndefined();
    }
    // Keys of small order: what is shared with them everybody knows.
    bytes.fill(0, 9, 41);
    expect(openPayload(bytes.toString('base64url'), binding, keys)).toBeUndefined();
  });
});

describe('the key of a node', () => {
  it('is made once, for root alone, and never replaced', async () => {
    const path = join(folder, 'keys', 'node-key.json');
    const line = nodeKeyLine(await initNodeKey(path, NODE));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(nodeKeyLine(await initNodeKey(path, NODE))).toBe(line);
    await expect(initNodeKey(path, OTHER)).rejects.toEqual(refusal('DA_NODE_KEY', /key of mi-/));
    const list = join(folder, 'list');
    writeFileSync(list, `# Berlin\n\n${line}\n${line}\n`);
    expect([...readTrustedKeys(list).keys()]).toEqual([NODE]);
    chmodSync(path, 0o640);
    expect(() => readNodeKey(path)).toThrow(refusal('DA_NODE_KEY', /read by others/));
    chmodSync(path, 0o600);
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 60));
    expect(() => readNodeKey(path)).toThrow(refusal('DA_NODE_KEY', /damaged/));
  });

  it.each([
    ['no key', `${NODE} x25519:short`],
    ['no node', `web x25519:${'A'.repeat(43)}`],
    ['two keys of a node', `${NODE} x25519:${'A'.repeat(43)}\n${NODE} x25519:${'B'.repeat(42)}A`],
  ])('is not taken from a list with %s', (_what, text) => {
    const list = join(folder, 'bad-list');
    writeFileSync(list, text);
    expect(() => readTrustedKeys(list)).toThrow(refusal('DA_USAGE', /Line [12] of/));
  });
});

describe('the end of an invocation', () => {
  it.each([
    ['Pending', 'Pending', undefined],
    ['InProgress', 'InProgress', undefined],
    ['Delayed', 'Delayed', undefined],
    ['Cancelling', 'Cancelling', undefined],
    ['Unheard', 'Of', undefined],
    ['Success', 'Success', 'Success'],
    ['TimedOut', 'Delivery Timed Out', 'DeliveryTimedOut'],
    ['TimedOut', 'ExecutionTimedOut', 'ExecutionTimedOut'],
    ['Failed', 'Undeliverable', 'Undeliverable'],
    ['Failed', 'Access Denied', 'AccessDenied'],
    ['Failed', 'InvalidPlatform', 'InvalidPlatform'],
    ['Failed', 'something new', 'Failed'],
    ['Cancelled', 'Terminated', 'Terminated'],
  ])('%s, %s', (status, details, end) => expect(endOf(status, details)).toBe(end));
});

describe('the output of a script', () => {
  const TITLE = '\n----------ERROR-------\n';
  const REMARK = 'failed to run commands: exit status 1';

  it.each([
    ['ok A B\n', 'ok A B\n', 'ok A B'],
    [`ok A B\n${TITLE}a warning\n`, 'ok A B\n', 'a warning'],
    [`${TITLE}no group\n${REMARK}`, '', 'no group'],
    [`half\n${TITLE}${REMARK}`, 'half\n', 'half'],
    [`${TITLE}long\n---Error truncated----`, '', 'long'],
    ['', '', ''],
  ])('%j is taken apart', (output, stdout, word) => {
    const streams = scriptStreams(output);
    expect(streams.stdout).toBe(stdout);
    expect(lastWord(streams)).toBe(word);
  });
});

describe('the documents', () => {
  it.each(['parameter', 'sealed'] as const)('have patterns that the agent takes (%s)', (via) => {
    const { parameters } = JSON.parse(commandDocument(via).content) as {
      parameters: Record<string, { allowedPattern: string }>;
    };
    for (const { allowedPattern } of Object.values(parameters)) {
      // Its RE2 has no lookaround, no references back, and 1000 repetitions at most.
      expect(allowedPattern).not.toMatch(/\(\?[=!<]|\\[1-9]/);
      const counts = [...allowedPattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].flatMap((all) =>
        all.slice(1),
      );
      expect(Math.max(0, ...counts.map((count) => Number(count || 0)))).toBeLessThanOrEqual(1000);
    }
  });
});

describe('shares and schedules', () => {
  it('are a count, or a part that is rounded down', () => {
    expect(shareOf(parseShare('--x', '10%', 1), 29)).toBe(2);
    expect(shareOf(parseShare('--x', '7', 1), 29)).toBe(7);
    for (const text of ['0', '101%', '-1', '1.5', '']) {
      expect(() => parseShare('--x', text, 1)).toThrow(refusal('DA_USAGE', /no --x/));
    }
  });

  it.each([
    ['rate(30 minutes)', 5400, true, undefined],
    ['rate(20 minutes)', 3600, false, undefined],
    ['cron(0 0/1 * * ? *)', 900, true, undefined],
    ['rate(20 minutes)', 3600, true, /no rate below 30/],
    ['rate(30 minutes)', 3600, true, /too seldom/],
    ['rate(20 minutes)', 5400, false, /an hour at most/],
    ['every day', 3600, false, /no schedule/],
  ])('%s for %d s', (schedule, durationSeconds, isAssociation, message) => {
    const check = () => checkSchedule(schedule, { durationSeconds, isAssociation });
    if (message === undefined) check();
    else expect(check).toThrow(refusal('DA_USAGE', message));
  });
});

describe('a schedule as a template', () => {
  const document = commandDocument('parameter');
  const request = {
    document,
    name: 'shop',
    schedule: 'rate(30 minutes)',
    targets: [{ Key: 'tag:Site', Values: ['Berlin'] }],
    parameters: { Name: 'shop' },
    maxConcurrency: '10%',
    maxErrors: '10%',
    roleArn: 'arn:aws:iam::123456789012:role/shop',
    kmsKey: undefined,
    command: 'devaccess nodes rotate',
  };

  it('keeps the script as it is', () => {
    const template = scheduleTemplate({
      ...request,
      scheduler: 'association',
      format: 'cloudformation',
    });
    const { Resources } = JSON.parse(template) as {
      Resources: Record<string, { Properties: { Content: unknown } }>;
    };
    expect(Resources['FetchDocument']?.Properties.Content).toEqual(JSON.parse(document.content));
  });

  it('escapes for Terraform what a shell would fill in', () => {
    const template = scheduleTemplate({
      ...request,
      scheduler: 'association',
      format: 'terraform',
    });
    expect(template).toContain('"name": "${aws_ssm_document.devaccess_fetch.name}"');
    expect(template).toContain('node=$${AWS_SSM_INSTANCE_ID:-}');
    expect(template).not.toMatch(/[^$]\$\{AWS_SSM/);
    const rule = scheduleTemplate({ ...request, scheduler: 'eventbridge', format: 'terraform' });
    expect(rule).toContain('arn:${data.aws_partition.current.partition}:ssm:');
    expect(rule).not.toContain('u0000');
  });

  it('allows the key that is used, and installs from nowhere by itself', () => {
    for (const format of ['cloudformation', 'terraform'] as const) {
      const rule = (kmsKey: string | undefined): string =>
        scheduleTemplate({ ...request, scheduler: 'eventbridge', format, kmsKey });
      expect(rule('alias/shop')).toMatch(/kms:GenerateDataKey[^]*ResourceAliases[^]*alias\/shop/);
      expect(rule('arn:aws:kms:eu-west-1:1:key/k')).toContain('arn:aws:kms:eu-west-1:1:key/k');
      expect(rule(undefined)).not.toContain('kms:');
      expect(rule(undefined)).not.toContain('npm install');
    }
  });
});

describe('the documents of a rotation', () => {
  it.each(['parameter', 'sealed'] as const)('take no value that ends its quotes (%s)', (via) => {
    const { content } = commandDocument(via);
    const { parameters } = JSON.parse(content) as {
      parameters: Record<string, { allowedPattern: string }>;
    };
    for (const { allowedPattern } of Object.values(parameters)) {
      for (const evil of ["a'b", 'a\nb', '$(id)', '{{x}}', 'a b']) {
        expect(new RegExp(allowedPattern).test(evil)).toBe(false);
      }
    }
    expect(Buffer.byteLength(content)).toBeLessThan(65_536);
  });
});
