import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { CredentialsReport } from '../../src/commands/doctor/credentials-report.ts';
import type { CliRun } from './cli.ts';
import { AccountHolder, role } from './support/account-holder.ts';
import { httpProxy, makeCertificates, tlsFront } from './support/network-path.ts';
import { hasTerminal, onTerminal } from './support/terminal.ts';

const BIN = fileURLToPath(new URL('../../bin/devaccess.js', import.meta.url));
const leaving: (() => unknown)[] = [];
afterEach(async () => {
  for (const leave of leaving.splice(0).reverse()) await leave();
});

async function arrive(
  options?: Parameters<typeof AccountHolder.arrive>[0],
): Promise<AccountHolder> {
  const alice = await AccountHolder.arrive(options);
  leaving.push(() => alice.leave());
  return alice;
}

interface Diagnosis extends CliRun {
  report: CredentialsReport;
  /** Of what is not `ok`. */
  ids: string[];
  what: (id: string) => string | undefined;
}

async function diagnose(
  alice: AccountHolder,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Diagnosis> {
  const run = await alice.run(['doctor', '--json', ...args], {
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    ...env,
  });
  const report = JSON.parse(run.stdout) as CredentialsReport;
  // No report holds a secret, whatever is wrong.
  const secrets = [...alice.credentials().matchAll(/^aws_(?:secret|se\w+_token)\w* = (\S{8,})$/gm)];
  for (const [, secret] of secrets) expect(run.stdout + run.stderr).not.toContain(secret);
  const found = report.findings.filter(({ severity }) => severity !== 'ok');
  return {
    ...run,
    report,
    ids: found.map(({ id }) => id),
    what: (id) => report.findings.find((each) => each.id === id)?.what,
  };
}

/** A server on loopback that is closed with the test. */
async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  leaving.push(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('a healthy set-up', () => {
  it('lacks a session only, in the morning; the key and the device are known to work', async () => {
    const alice = await arrive();
    const { code, report, ids, what } = await diagnose(alice);
    expect({ code, outcome: report.outcome, ids }).toEqual({
      code: 3,
      outcome: 'needs-person',
      ids: ['session-missing', 'endpoint-setting'],
    });
    expect(what('long-term-key')).toBe(
      'The long-term key of [default-long-term] works; it is arn:aws:iam::123456789012:user/alice',
    );
    expect(what('mfa-device-listed')).toBe('IAM lists the MFA device for the user');
    expect(what('key-age')).toMatch(/^The long-term key …\w{4} is (29|30) days old$/);
  });

  it('is well after the code, and says so on one screen', async () => {
    const alice = await arrive();
    await alice.signIn();
    const { code, report, stderr } = await diagnose(alice);
    expect({ code, stderr, outcome: report.outcome }).toEqual({
      code: 0,
      stderr: '',
      outcome: 'ok',
    });
    expect(report).toMatchObject({
      profile: 'default',
      profileFrom: 'fallback',
      region: 'us-east-1',
      identity: { arn: 'arn:aws:iam::123456789012:user/alice', account: '123456789012' },
      clockSkewSeconds: expect.any(Number) as number,
    });
    expect(report.endpoints.map(({ service, state }) => [service, state])).toEqual([
      ['sts', 'answers'],
      ['ssm', 'answers'],
      ['ec2', 'answers'],
      ['ssmmessages', 'answers'],
    ]);
    const { stdout } = await alice.run(['doctor'], {
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
    });
    expect(stdout).toMatch(
      /^Profile default \(nothing names another\), region us-east-1\n\nFiles\n {2}ok /,
    );
    expect(stdout).toMatch(/\n\nAll is well\.\n$/);
  });

  it('is asked nothing about with --offline, and never for another region than there is', async () => {
    const alice = await arrive();
    const { code, report } = await diagnose(alice, ['--offline']);
    expect({ code, endpoints: report.endpoints, calls: alice.calls }).toEqual({
      code: 3,
      endpoints: [],
      calls: [],
    });
    expect((await alice.run(['doctor', '--offline', '--region', 'Frankfurt'])).code).toBe(2);
  });

  it('may be of a role, or of the environment', async () => {
    const alice = await arrive();
    alice.writeConfig(`[profile admin]\nrole_arn = ${role('admin')}\nsource_profile = default\n`);
    await alice.signIn();
    const ofRole = await diagnose(alice, ['--profile', 'admin']);
    expect(ofRole.report.identity?.arn).toBe(
      'arn:aws:sts::123456789012:assumed-role/devaccess-admin/alice',
    );
    expect(ofRole.code).toBe(0);
    const { accessKeyId, secretAccessKey } = alice.sandbox.accessKey;
    const keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    const ofEnvironment = await diagnose(alice, [], keys);
    expect(ofEnvironment.ids).toEqual([
      'environment-keys',
      'long-term-key-in-use',
      'endpoint-setting',
    ]);
    expect(ofEnvironment.stdout).not.toContain(secretAccessKey);
  });
});

describe('a fault of the credentials', () => {
  it('is told: a wrong secret, a foreign device, a session AWS does not know', async () => {
    const alice = await arrive();
    const good = alice.credentials();
    const other = (_all: string, head: string, first: string) => head + (first === 'A' ? 'B' : 'A');
    alice.writeCredentials(good.replace(/(secret_access_key = )(.)/, other));
    const wrong = await diagnose(alice);
    expect({ code: wrong.code, ids: wrong.ids.slice(0, 2) }).toEqual({
      code: 1,
      ids: ['session-missing', 'long-term-key-refused'],
    });
    expect(wrong.what('long-term-key-refused')).toContain('[DA_CREDENTIALS_INVALID]');

    alice.writeCredentials(good.replace(':mfa/alice', ':mfa/bob'));
    const device = await diagnose(alice);
    expect(device.report.findings.find(({ id }) => id === 'mfa-device-unlisted')).toMatchObject({
      severity: 'problem',
      fix: {
        edit: `set aws_mfa_device = ${alice.sandbox.mfaDevice.serialNumber} in [default-long-term]`,
      },
    });
    alice.writeCredentials(good.replace(/iam::\d+:mfa/, 'iam::999999999999:mfa'));
    expect((await diagnose(alice)).ids).toContain('mfa-device-account');

    alice.writeCredentials(good);
    await alice.signIn();
    alice.writeCredentials(
      alice
        .credentials()
        .replace(/(session_token = )\S+/, '$1made-up-token')
        .replace(/(security_token = )\S+/, '$1made-up-token'),
    );
    const unknown = await diagnose(alice);
    expect(unknown.what('identity-refused')).toContain('[DA_CREDENTIALS_INVALID]');
    expect(unknown.what('long-term-key')).toContain('works');
  });

  it('is not that IAM tells nothing', async () => {
    const alice = await arrive();
    await alice.signIn();
    const denying = createServer((_request, response) => {
      response
        .writeHead(403, { 'content-type': 'text/xml' })
        .end(
          '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>',
        );
    });
    const port = await listening(denying);
    const { code, ids } = await diagnose(alice, [], {
      AWS_ENDPOINT_URL_IAM: `http://127.0.0.1:${port}`,
    });
    expect({ code, ids }).toEqual({
      code: 0,
      ids: ['access-keys-unread', 'mfa-devices-unread', 'endpoint-setting'],
    });
  });

  it('is told of a clock that is wrong', async () => {
    const alice = await arrive({ now: () => Date.now() + 700_000 });
    const { code, what, report } = await diagnose(alice);
    expect(what('clock-skew')).toMatch(
      /^The clock is 11 min (39|40|41) s behind AWS's: AWS refuses/,
    );
    expect({ code, skew: Math.round((report.clockSkewSeconds ?? 0) / 10) }).toEqual({
      code: 1,
      skew: -70,
    });
  });

  it.runIf(hasTerminal)('is not asked about by a credential_process', async () => {
    const alice = await arrive();
    const script = join(alice.home, 'process');
    writeFileSync(script, '#!/bin/sh\necho the code? >/dev/tty\nread code </dev/tty\nexit 7\n', {
      mode: 0o755,
    });
    alice.writeConfig(`[profile p]\nregion = us-east-1\ncredential_process = ${script}\n`);
    const place = { env: alice.env(), folder: alice.home };
    const { screen, stdout } = await onTerminal(['doctor', '--profile', 'p'], [], place);
    expect(screen).not.toContain('the code?');
    expect(stdout).toContain(
      'The credential_process of profile p ended with exit code 7 [process-failed]',
    );

    const { accessKeyId, secretAccessKey } = alice.sandbox.accessKey;
    const json = JSON.stringify({
      Version: 1,
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
    });
    writeFileSync(script, `#!/bin/sh\necho '${json}'\n`);
    const { report } = await diagnose(alice, ['--profile', 'p']);
    expect(report.identity?.arn).toBe('arn:aws:iam::123456789012:user/alice');
  });

  const isRoot = process.geteuid?.() === 0;
  const STRANGER = { uid: 54_321, gid: 54_321 };
  const canRead =
    isRoot &&
    spawnSync(
      process.execPath,
      ['-e', `require('fs').accessSync(${JSON.stringify(BIN)})`],
      STRANGER,
    ).status === 0;
  it.runIf(canRead)('may be that the system does not know the user, who has no home', () => {
    const { status, stdout } = spawnSync(process.execPath, [BIN, 'doctor', '--offline', '--json'], {
      ...STRANGER,
      env: { PATH: process.env['PATH'] },
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    const { findings } = JSON.parse(stdout) as CredentialsReport;
    expect(findings.map(({ id }) => id)).toContain('no-home');
  });
});

describe('a fault of the network', () => {
  it('is told for each endpoint: a port that refuses, silence, a strange certificate', async () => {
    const alice = await arrive();
    const folder = mkdtempSync(join(tmpdir(), 'devaccess-doctor-'));
    leaving.push(() => rmSync(folder, { recursive: true }));
    const certificates = makeCertificates(folder, ['*.aws.test']);
    const front = await tlsFront(certificates, () => alice.sandbox.port);
    leaving.push(() => front.close());
    const silent = createTcpServer((socket) => socket.on('error', () => undefined));
    const env = {
      AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${await closedPort()}`,
      AWS_ENDPOINT_URL_SSM: `https://127.0.0.1:${front.port}`,
      AWS_ENDPOINT_URL_EC2: 'https://ec2.devaccess.invalid',
      AWS_ENDPOINT_URL_SSMMESSAGES: `http://127.0.0.1:${await listening(silent)}`,
    };
    const { code, report, what, ids } = await diagnose(alice, [], env);
    expect(code).toBe(1);
    expect(report.endpoints.map(({ service, state }) => [service, state])).toEqual([
      ['sts', 'no-connection'],
      ['ssm', 'untrusted'],
      ['ec2', 'no-name'],
      ['ssmmessages', 'no-answer'],
    ]);
    expect(what('endpoint-connect')).toMatch(
      /^sts \(127\.0\.0\.1:\d+\): no connection \(ECONNREFUSED\)$/,
    );
    expect(what('endpoint-tls')).toMatch(/not trusted \(\w+, signed by 'devaccess test CA'\)$/);
    expect(what('endpoint-answer')).toContain('nothing came in time');
    expect(ids).toContain('identity-not-asked');

    const trusting = await diagnose(alice, [], { ...env, AWS_CA_BUNDLE: certificates.caFile });
    expect(trusting.report.endpoints[1]).toMatchObject({ service: 'ssm', state: 'answers' });
    const missing = await diagnose(alice, [], { AWS_CA_BUNDLE: '/nonexistent.pem' });
    expect(missing.ids).toContain('ca-bundle');
  });

  it('may be the proxy: one that refuses, or is not there', async () => {
    const alice = await arrive();
    const proxy = await httpProxy((where) => (where.startsWith('sts') ? 407 : 403));
    leaving.push(() => proxy.close());
    const refused = await diagnose(alice, [], {
      AWS_ENDPOINT_URL: '',
      HTTPS_PROXY: `http://alice:s3cret@127.0.0.1:${proxy.port}`,
      NO_PROXY: 'ec2.us-east-1.amazonaws.com',
    });
    expect(
      refused.report.endpoints.map(({ service, state, proxy: through }) => [
        service,
        state,
        through,
      ]),
    ).toEqual([
      ['sts', 'proxy-refused', `127.0.0.1:${proxy.port}`],
      ['ssm', 'proxy-refused', `127.0.0.1:${proxy.port}`],
      // By the resolver of wherever this runs.
      ['ec2', expect.any(String), null],
      ['ssmmessages', 'proxy-refused', `127.0.0.1:${proxy.port}`],
    ]);
    expect(refused.report.endpoints[2]?.route).toBe(
      'directly (NO_PROXY has ec2.us-east-1.amazonaws.com)',
    );
    expect(refused.stdout).toContain('(HTTP 407)');
    expect(refused.stdout).not.toContain('s3cret');
    const away = await diagnose(alice, [], {
      AWS_ENDPOINT_URL: '',
      https_proxy: `http://127.0.0.1:${await closedPort()}`,
    });
    expect(away.what('endpoint-connect')).toContain('no connection to the proxy 127.0.0.1:');
  });
});
