import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { start } from './clients.ts';

const installed = spawnSync('python3', ['-c', 'import boto3, moto']).status === 0;
const SCRIPT = fileURLToPath(new URL('iam-calls.py', import.meta.url));

type Shape = string | Shape[] | { [member: string]: Shape };

interface CallRecord {
  operation: string;
  answer?: Shape;
  error?: { code: string; status: number; message: string };
  /** moto does not know the operation. */
  missing?: true;
}

/** What moto tells and AWS does not: documents of other versions than asked for, seeds of old devices. */
const MOTO_ALONE = ['Document', 'Base32StringSeed', 'QRCodePNG'];

/** An answer of boto3's, without what only moto says. */
function expected(shape: Shape): unknown {
  if (typeof shape === 'string') return shape;
  if (Array.isArray(shape)) return shape.map(expected);
  return expect.objectContaining(
    Object.fromEntries(
      Object.entries(shape)
        .filter(([member]) => !MOTO_ALONE.includes(member))
        .map(([member, value]) => [member, expected(value)]),
    ),
  );
}

describe.skipIf(!installed)('boto3 against the sandbox', () => {
  it('sets up and clears away users, policies, keys, devices and roles, as moto answers it', async () => {
    const { sandbox, admin } = await start({ now: Date.now });
    const child = spawn('python3', [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stdin.end(JSON.stringify([sandbox.endpoint, admin.accessKeyId, admin.secretAccessKey]));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code).toBe(0);
    const result = JSON.parse(output) as {
      sandbox: CallRecord[];
      refused: number[];
      moto: CallRecord[];
    };

    expect(result.refused.map((at) => result.sandbox[at]!.error?.code)).toEqual([
      'DeleteConflict',
      'MalformedPolicyDocument',
      'DeleteConflict',
    ]);
    const common = result.sandbox.filter((_record, at) => !result.refused.includes(at));
    expect(common).toHaveLength(result.moto.length);
    for (const [at, { operation, answer, error, missing }] of result.moto.entries()) {
      const ours = common[at]!;
      expect([at, ours.operation, ours.error?.code, ours.error?.status]).toEqual([
        at,
        operation,
        error?.code,
        error?.status,
      ]);
      if (answer !== undefined && operation !== 'list_roles') {
        expect(ours).toEqual({ operation, answer: expected(answer) });
      }
      if (missing === true) expect(ours.answer).toEqual({});
    }
    // Nothing is left of it.
    const { users, groups, policies, roles, unassignedDevices } = sandbox.account;
    expect([users, groups, policies, roles, unassignedDevices].map(({ length }) => length)).toEqual(
      [2, 0, 2, 6, 0],
    );
  });
});
