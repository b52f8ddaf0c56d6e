import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorLine } from '../../src/platform/errors.ts';
import { readCertificates } from '../../src/roles-anywhere/certificate-file.ts';
import { setUp } from '../../src/roles-anywhere/setup/setup.ts';
import type { SetupOrder } from '../../src/roles-anywhere/setup/setup.ts';
import { run } from './cli.ts';
import { isInstalled } from './support/installed.ts';
import { Machine } from './support/machine.ts';

const DAY_MS = 86_400_000;
const BIN = join(process.cwd(), 'bin', 'devaccess.js');

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.arrive();
});
afterAll(() => machine.leave());

function order(directory: string, given: Partial<SetupOrder> = {}): SetupOrder {
  return {
    directory,
    machine: 'node-1',
    isRenewed: false,
    name: 'try',
    region: 'us-east-1',
    kind: 'ec',
    days: 90,
    authorityDays: 365,
    durationSeconds: 3600,
    policyArns: [],
    format: 'cli',
    ...given,
  };
}

const setup = (given: SetupOrder, nowMs = Date.now()): ReturnType<typeof setUp> =>
  setUp(given, {
    env: machine.env(),
    nowMs,
    askPassphrase: () => Promise.reject(new Error('nobody to ask')),
  });

describe('devaccess anywhere setup', () => {
  it.skipIf(!isInstalled('aws'))(
    'makes what the account needs, and what it prints works on the machine',
    async () => {
      const { accessKeyId, secretAccessKey } = machine.sandbox.administrator;
      const devaccess = `devaccess() { '${process.execPath}' '${BIN}' "$@"; }`;
      const env = machine.env({
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_REGION: 'us-east-1',
      });
      const sh = (line: string) => run('sh', ['-c', `${devaccess}; ${line}`], { env });
      const anchors = machine.sandbox.rolesAnywhere.trustAnchors.size;
      const made = await sh(`devaccess anywhere setup --directory '${machine.home}/my ca'`);
      expect(made).toMatchObject({ code: 0 });
      expect(made.stdout).toBe(`sh '${machine.home}/my ca/roles-anywhere.sh'\n`);
      const account = await sh(made.stdout);
      expect(account).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('On the machine') as string,
      });
      const answer = await sh(account.stdout);
      expect(answer).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(answer.stdout)).toMatchObject({ Version: 1 });
      // Run again it makes nothing.
      const again = await sh(made.stdout);
      expect(again).toMatchObject({ code: 1, stdout: '' });
      expect(again.stderr).toContain('There is a role devaccess-anywhere already');
      expect(machine.sandbox.rolesAnywhere.trustAnchors.size).toBe(anchors + 1);
      // One of another machine is as good.
      await setup(order(join(machine.home, 'my ca'), { machine: 'node-2' }));
      const other = await sh(account.stdout.replaceAll('node-1', 'node-2'));
      expect(other).toMatchObject({ code: 0, stderr: '' });
      expect(other.stdout).not.toBe(answer.stdout);
    },
  );

  it('keeps what is there, and renews with the same key', async () => {
    const folder = join(machine.home, 'kept');
    const first = await setup(order(folder, { kind: 'rsa' }));
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    const before = ['ca.pem', 'ca.key', 'node-1.key', 'roles-anywhere.sh'].map(read);
    await expect(setup(order(folder)).catch(errorLine)).resolves.toMatch(
      /node-1\.pem is there already \[DA_FILE_EXISTS\] Next: give --renew/,
    );
    const later = Date.now() + 80 * DAY_MS;
    const second = await setup(order(folder, { isRenewed: true }), later);
    expect(second.machine).toMatchObject({ outcome: 'renewed' });
    expect(second.next).toEqual([]);
    expect(Date.parse(second.machine.expires)).toBeGreaterThan(Date.parse(first.machine.expires));
    expect(['ca.pem', 'ca.key', 'node-1.key', 'roles-anywhere.sh'].map(read)).toEqual(before);
    for (const name of ['ca.key', 'node-1.key']) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
    // A certificate ends with its authority.
    const last = await setup(order(folder, { machine: 'late' }), Date.now() + 340 * DAY_MS);
    expect(last.machine.expires).toBe(first.authority.expires);
    expect(second.notices).toEqual([]);
    expect(last.notices).toEqual([expect.stringMatching(/^the authority .*ca\.pem ends on /)]);
    await expect(
      setup(order(folder, { machine: 'later' }), Date.now() + 400 * DAY_MS).catch(errorLine),
    ).resolves.toContain('[DA_CERTIFICATE_EXPIRED]');
  });

  it('goes on where it was interrupted, and takes no authority of others', async () => {
    const folder = join(machine.home, 'interrupted');
    await setup(order(folder));
    rmSync(join(folder, 'ca.pem'));
    rmSync(join(folder, 'node-1.pem'));
    await setup(order(folder));
    const [ca] = readCertificates(join(folder, 'ca.pem'));
    const [leaf] = readCertificates(join(folder, 'node-1.pem'));
    expect(leaf.isIssuedBy(ca)).toBe(true);
    machine.write('interrupted/ca.pem', machine.root.certificate);
    await expect(setup(order(folder, { machine: 'x' })).catch(errorLine)).resolves.toContain(
      '[DA_KEY_MISMATCH]',
    );
  });

  it.each([
    [{ machine: '../x' }],
    [{ machine: 'ca' }],
    [{ name: 'a b' }],
    [{ policyArns: ["x'; id"] }],
    [{ days: 400 }],
    [{ durationSeconds: 60 }],
  ])('refuses %j', async (given) => {
    await expect(setup(order(join(machine.home, 'no'), given)).catch(errorLine)).resolves.toContain(
      '[DA_USAGE]',
    );
  });
});
