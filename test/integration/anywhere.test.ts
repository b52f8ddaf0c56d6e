import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromIni } from '@aws-sdk/credential-provider-ini';
import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { inspectionLines } from '../../src/commands/anywhere/inspect-lines.ts';
import { errorLine } from '../../src/platform/errors.ts';
import { inspect } from '../../src/roles-anywhere/inspect.ts';
import { sessionCredentials } from '../../src/roles-anywhere/session-credentials.ts';
import { identityPlan, sessionPlan } from '../../src/roles-anywhere/session-plan.ts';
import { Authority } from './support/authority.ts';
import { run } from './cli.ts';
import { isInstalled } from './support/installed.ts';
import { Machine } from './support/machine.ts';
import type { Options } from './support/machine.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.arrive();
});
afterAll(() => machine.leave());
beforeEach(() => {
  machine.clock.offsetMs = 0;
  machine.answers.length = 0;
});

interface Outcome {
  accessKeyId?: string;
  expirationMs?: number;
  error?: string;
  said: string[];
}

/** The same as the command does, in this process, whose clock may be set. */
async function exchange(
  options: Options,
  { now = Date.now, passphrase }: { now?: () => number; passphrase?: string } = {},
): Promise<Outcome> {
  const said: string[] = [];
  const env = { ...machine.env(), XDG_STATE_HOME: join(machine.home, `state-${Math.random()}`) };
  try {
    const plan = await sessionPlan(machine.options(options), env);
    const credentials = await sessionCredentials(plan, {
      env,
      now,
      say: (text) => said.push(text),
      askPassphrase: () =>
        passphrase === undefined
          ? Promise.reject(new Error('nobody to ask'))
          : Promise.resolve(passphrase),
    });
    return { ...credentials, said };
  } catch (error) {
    return { error: errorLine(error), said };
  }
}

describe('credentials by certificate', () => {
  it.each([
    ['RSA', { kind: 'rsa', serialNumber: 4096n }],
    ['EC P-256, serial of 160 bits', { kind: 'P-256', serialNumber: (1n << 159n) - 1n }],
    ['EC P-384, serial with the top bit set', { kind: 'P-384', serialNumber: 0xf0e1d2c3n }],
  ] as const)('are had with a key of %s', async (_name, issue) => {
    const { accessKeyId, expirationMs } = await exchange(machine.identity(issue));
    expect(accessKeyId).toMatch(/^ASIA/);
    expect(expirationMs).toBeGreaterThan(Date.now() + HOUR_MS - 60_000);
    expect(machine.answers).toEqual([201]);
  });

  it('are had over intermediates, in their own file or in that of the certificate', async () => {
    const middle = machine.root.intermediate('middle');
    const low = middle.intermediate('low');
    const issued = low.issue('node-1');
    const chain = low.certificate + middle.certificate + machine.root.certificate;
    const files = machine.filesOf(issued);
    // What lies between is what is missing, whatever else is sent.
    const gap = machine.write('gap.pem', middle.certificate);
    expect((await exchange({ ...files, intermediates: gap })).error).toMatch(
      /\[DA_CERTIFICATE_UNTRUSTED\] Next: make sure .* holds the certificate of O=devaccess, CN=low, or/,
    );
    const intermediates = machine.write('chain.pem', chain);
    expect(await exchange({ ...files, intermediates })).toHaveProperty('accessKeyId');
    const all = machine.filesOf({ ...issued, certificate: issued.certificate + chain });
    expect(await exchange(all)).toHaveProperty('accessKeyId');
    // One file for everything.
    const certificate = machine.write('all.pem', issued.key + issued.certificate + chain);
    expect(await exchange({ certificate })).toHaveProperty('accessKeyId');
  });

  it('come with a word when the certificate nears its end', async () => {
    const now = Date.now();
    const validity = { notBeforeMs: now - 80 * DAY_MS, notAfterMs: now + 10 * DAY_MS };
    const { said } = await exchange(machine.identity(validity));
    expect(said).toEqual([
      expect.stringMatching(/^the certificate .*node\.pem expires on .*: have it renewed in time$/),
    ]);
    const { said: nothing } = await exchange(machine.identity());
    expect(nothing).toEqual([]);
  });

  it('last as long as asked, as far as the profile lets them', async () => {
    const files = machine.identity();
    const left = async (seconds: string): Promise<number> => {
      const { expirationMs = 0 } = await exchange({ ...files, 'session-duration': seconds });
      return Math.round((expirationMs - Date.now()) / 60_000);
    };
    expect(await left('900')).toBe(15);
    expect(await left('43200')).toBe(60);
  });

  it('are had with the passphrase of an encrypted key, from a file or the person', async () => {
    const issued = machine.root.issue('node-1', { kind: 'rsa' });
    const key = issued.privateKey.export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-256-cbc',
      passphrase: 'correct horse',
    }) as string;
    const files = machine.filesOf({ ...issued, key });
    const file = machine.write('passphrase', 'correct horse\n');
    expect(await exchange({ ...files, 'pkcs8-password-file': file })).toMatchObject({ said: [] });
    expect(await exchange(files, { passphrase: 'correct horse' })).toHaveProperty('accessKeyId');
    const inArguments = await exchange({ ...files, 'pkcs8-password': 'correct horse' });
    expect(inArguments.said).toEqual([expect.stringContaining('--pkcs8-password-file')]);
    expect(inArguments).toHaveProperty('accessKeyId');
    const wrong = await exchange({ ...files, 'pkcs8-password-file': machine.write('w', 'wrong') });
    expect(wrong.error).toContain('[DA_KEY_PASSPHRASE]');
    expect(wrong.error).not.toContain('wrong');
  });
});

describe('each refusal has its own message and next step', () => {
  const refusal = async (options: Options, now?: () => number): Promise<string> =>
    (await exchange(options, now === undefined ? {} : { now })).error ?? 'not refused';

  it('before the call: dates, use, key', async () => {
    const now = Date.now();
    const expired = machine.identity({ notAfterMs: now - DAY_MS });
    expect(await refusal(expired)).toMatch(/expired on .* Next: have it renewed/);
    const future = machine.identity({ notBeforeMs: now + DAY_MS });
    expect(await refusal(future)).toMatch(/\[DA_CERTIFICATE_NOT_YET_VALID\] Next: check the clock/);
    const authority = machine.identity({ purpose: 'authority' });
    expect(await refusal(authority)).toContain('[DA_CERTIFICATE_UNFIT]');
    const files = machine.identity();
    const other = machine.write('other.key', machine.root.issue('other').key);
    expect(await refusal({ ...files, 'private-key': other })).toMatch(/\[DA_KEY_MISMATCH\]/);
    chmodSync(files['private-key']!, 0o644);
    expect(await refusal(files)).toMatch(/\[DA_KEY_EXPOSED\] Next: chmod 600/);
    const middle = machine.root.intermediate('middle', { notAfterMs: now - DAY_MS });
    const below = machine.identity({}, middle);
    const intermediates = machine.write('old.pem', middle.certificate);
    expect(await refusal({ ...below, intermediates })).toMatch(
      /The intermediate certificate O=devaccess, CN=middle expired/,
    );
    expect(machine.answers).toEqual([]);
  });

  it('by the service: who is not trusted, and why', async () => {
    const stranger = machine.identity({}, Authority.root('another root'));
    expect(await refusal(stranger)).toMatch(
      /does not trust the certificate of O=devaccess, CN=node-1.*\[DA_CERTIFICATE_UNTRUSTED\] Next: make sure that the trust anchor holds the certificate of O=devaccess, CN=another root/,
    );
    // The service's clock alone tells that it has expired.
    machine.clock.offsetMs = 100 * DAY_MS;
    const aged = machine.identity({ notAfterMs: Date.now() + 99 * DAY_MS });
    expect(await refusal(aged, () => Date.now() + machine.clock.offsetMs - 2 * 60_000)).toContain(
      '[DA_CERTIFICATE_EXPIRED]',
    );
  });

  it('by the service: a clock that is wrong', async () => {
    const error = await refusal(machine.identity(), () => Date.now() + HOUR_MS);
    expect(error).toMatch(/clock is wrong: it says .* UTC, that of IAM Roles Anywhere .* UTC/);
    expect(error).toContain('[DA_CLOCK_SKEW]');
    expect(machine.answers).toEqual([403]);
  });

  it('by the service: role, session name, unknown and disabled things', async () => {
    const files = machine.identity();
    const named = await refusal({ ...files, 'role-session-name': 'node-1' });
    expect(named).toMatch(/\[DA_ROLE_SESSION_NAME\] Next: leave --role-session-name away/);
    const role = machine.roleArn.replace('machine', 'admin');
    expect(await refusal({ ...files, 'role-arn': role })).toMatch(
      /may not assume .*devaccess-admin \[DA_ROLE_DENIED\] Next: let its trust policy allow rolesanywhere/,
    );
    const unknown = machine.profileArn.replace(/[0-9a-f]{4}$/, '0000');
    expect(await refusal({ ...files, 'profile-arn': unknown })).toContain(
      '[DA_ANYWHERE_NOT_FOUND]',
    );
    const [anchor] = machine.sandbox.rolesAnywhere.trustAnchors.values();
    anchor!.enabled = false;
    expect(await refusal(files)).toMatch(/Trust anchor is disabled \[DA_ACCESS_DENIED\]/);
    anchor!.enabled = true;
  });

  it.each([
    [{ 'trust-anchor-arn': undefined }, /--trust-anchor-arn is missing \[DA_USAGE\]/],
    [{ 'profile-arn': 'arn:aws:iam::1:role/x' }, /is not what --profile-arn takes/],
    [{ 'role-arn': 'node' }, /is not what --role-arn takes/],
    [{ 'session-duration': '60' }, /\[DA_USAGE\] Next: give 900 to 43200/],
    [{ 'role-session-name': 'a b' }, /is not a role session name/],
    [{ region: 'x/../y' }, /is not an AWS region/],
    [{ endpoint: 'http://192.0.2.1' }, /would send secret keys unencrypted.*\[DA_ENDPOINT\]/],
    [{ certificate: undefined }, /No certificate is named/],
    [{ certificate: 'pkcs11:x' }, /'pkcs11:x' cannot be used as a PKCS#11 URI.* \[DA_USAGE\]/],
    [{ 'private-key': 'handle:0x81' }, /A TPM key handle is not supported yet \[DA_KEY_STORE\]/],
    [{ 'private-key': '/nowhere/key.pem' }, /\/nowhere\/key.pem.*\[DA_FILE_NOT_READABLE\]/],
    [
      {
        certificate: undefined,
        'private-key': undefined,
        'cert-selector': 'Key=x509Serial,Value=1',
      },
      /certificate store is not supported yet \[DA_KEY_STORE\]/,
    ],
    [{ 'cert-selector': 'x' }, /--certificate and --cert-selector exclude each other/],
    [
      {
        'profile-arn':
          'arn:aws:rolesanywhere:eu-west-1:123456789012:profile/66666666-7777-8888-9999-aaaaaaaaaaaa',
      },
      /trust anchor is in us-east-1 and the profile in eu-west-1/,
    ],
  ])('for options: %j', async (options, message) => {
    expect(await refusal({ ...machine.identity(), ...options })).toMatch(message);
  });
});

describe('devaccess anywhere credential-process', () => {
  it('answers as SDKs expect, with credentials that other services accept', async () => {
    const { code, stdout, stderr } = await machine.run(
      'credential-process',
      machine.options(machine.identity({ serialNumber: 4096n })),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const answer = JSON.parse(stdout) as Record<string, string>;
    expect(answer).toMatchObject({
      Version: 1,
      Expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
      AccountId: '123456789012',
    });
    const sts = new STSClient({
      endpoint: machine.sandbox.endpoint,
      region: 'us-east-1',
      credentials: {
        accessKeyId: answer['AccessKeyId']!,
        secretAccessKey: answer['SecretAccessKey']!,
        sessionToken: answer['SessionToken']!,
      },
    });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Arn).toBe(
      'arn:aws:sts::123456789012:assumed-role/devaccess-machine/1000',
    );
  });

  it('asks the service once for any number of runs, and keeps the answer to itself', async () => {
    const options = machine.options(machine.identity());
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => machine.run('credential-process', options)),
    );
    expect(new Set(runs.map(({ stdout }) => stdout)).size).toBe(1);
    expect(machine.answers).toEqual([201]);
    const folder = join(machine.home, '.local/state/devaccess/credentials');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder)) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
    // The service is away, the key too: what is kept needs neither.
    const away = await machine.run(
      'credential-process',
      { ...options, 'private-key': '/nowhere' },
      { HTTPS_PROXY: 'http://127.0.0.1:1' },
    );
    expect(away.stdout).toBe(runs[0]!.stdout);
    // Another certificate, role or duration is another matter.
    const shorter = await machine.run('credential-process', {
      ...options,
      'session-duration': '900',
    });
    expect(shorter.stdout).not.toBe(runs[0]!.stdout);
    const renewed = await machine.run('credential-process', machine.options(machine.identity()));
    expect(renewed.stdout).not.toBe(runs[0]!.stdout);
  });

  it('fails with nothing on stdout, a code and the next step', async () => {
    const options = machine.options(machine.identity({}, Authority.root('stranger')));
    const run = await machine.run('credential-process', options);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(
      /^devaccess: The trust anchor .*\[DA_CERTIFICATE_UNTRUSTED\] Next: .*\n$/,
    );
  });

  it('asks for a passphrase on a terminal only, and says so without one', async () => {
    const issued = machine.root.issue('node-1', { kind: 'rsa' });
    const key = issued.privateKey.export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-128-cbc',
      passphrase: 'x',
    }) as string;
    const run = await machine.run(
      'credential-process',
      machine.options(machine.filesOf({ ...issued, key })),
    );
    expect(run).toMatchObject({ code: 3, stdout: '' });
    expect(run.stderr).toMatch(/\[DA_NO_TERMINAL\] Next: give --pkcs8-password-file/);
  });

  it('tells with --debug what is asked and answered, and no secret', async () => {
    const options = machine.options(machine.identity());
    const { stdout, stderr } = await machine.run('credential-process', { ...options, debug: '' });
    const { SecretAccessKey, SessionToken } = JSON.parse(stdout) as Record<string, string>;
    expect(stderr).toMatch(/debug: POST http:\/\/127\.0\.0\.1:\d+ as serial \d+, 0 intermediates/);
    expect(stderr).toMatch(/debug: attempt 1: HTTP 201, request [0-9a-f-]+/);
    for (const secret of [SecretAccessKey!, SessionToken!, 'Signature=']) {
      expect(stderr).not.toContain(secret);
    }
  });

  it('tells what is wrong with its flags', async () => {
    const run = await machine.run('credential-process', { 'no-such-flag': '' });
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toContain('Nonexistent flag: --no-such-flag');
  });
});

describe('what tells of certificates', () => {
  it('inspect tells what would be sent, and that all is well', async () => {
    const anchorFile = machine.write('ca.pem', machine.root.certificate);
    const given = machine.options(machine.identity({ serialNumber: 255n }));
    const world = {
      env: machine.env(),
      nowMs: Date.now(),
      say: expect.unreachable,
      askPassphrase: expect.unreachable,
    };
    const plan = identityPlan(given, world.env);
    const lines = inspectionLines(await inspect({ plan, given, anchorFile }, world)).join('\n');
    expect(lines).toMatch(/serial +255 \(hex FF\)/);
    expect(lines).toMatch(/private key +is the certificate's/);
    expect(lines).toMatch(/request +POST http:\/\/127\.0\.0\.1:\d+\/sessions, region us-east-1/);
    expect(lines).toContain('AWS4-X509-ECDSA-SHA256 as 255');
    expect(lines).toContain('nothing here that IAM Roles Anywhere would refuse');
    expect(machine.answers).toEqual([]);
  });

  it('inspect looks at a key in the file of the certificate, too', async () => {
    const look = async (key: string) => {
      const all = machine.write('all.pem', machine.root.issue('node-1').certificate + key);
      const given = { certificate: all };
      const plan = identityPlan(given, {});
      const world = { say: expect.unreachable, askPassphrase: expect.unreachable };
      return inspect(
        { plan, given, anchorFile: undefined },
        { ...world, env: {}, nowMs: Date.now() },
      );
    };
    const { keyMatches, problems } = await look(machine.root.issue('other').key);
    expect(keyMatches).toBe(false);
    expect(problems.map(({ code }) => code)).toEqual(['DA_KEY_MISMATCH']);
    expect((await look('')).keyMatches).toBeNull();
  });

  it('inspect tells all that is wrong at once', async () => {
    const run = await machine.run('inspect', {
      ...machine.identity({ notAfterMs: Date.now() - DAY_MS }),
      'private-key': machine.write('other.key', machine.root.issue('other').key),
      'trust-anchor': machine.write('stranger.pem', Authority.root('stranger').certificate),
      json: '',
    });
    expect(run.code).toBe(1);
    const found = JSON.parse(run.stdout) as { problems: { code: string }[] };
    expect(found).toMatchObject({ keyType: 'EC', keyMatches: false, request: null });
    expect(found.problems.map(({ code }) => code)).toEqual([
      'DA_CERTIFICATE_EXPIRED',
      'DA_KEY_MISMATCH',
      'DA_CERTIFICATE_UNTRUSTED',
    ]);
  });

  it('read-certificate-data and sign-string do as aws_signing_helper does', async () => {
    const files = machine.identity({ kind: 'rsa' });
    const { certificate } = files;
    const [data, signed] = await Promise.all([
      machine.run('read-certificate-data', { certificate }),
      machine.run('sign-string', { ...files, digest: 'SHA384' }),
    ]);
    expect(JSON.parse(data.stdout)).toMatchObject({ keyType: 'RSA' });
    expect(signed.stdout).toMatch(/^"[0-9a-f]{512}"$/);
  });
});

describe.skipIf(!isInstalled('aws'))('--print-config', () => {
  it('prints a profile that the AWS CLI and the SDK for JavaScript run alike', async () => {
    const issued = machine.root.issue('node-1');
    const certificate = machine.write("it's (node) & co.pem", issued.certificate + issued.key);
    const options = machine.options({ certificate, 'print-config': '' });
    const printed = await machine.run('credential-process', options);
    expect(printed).toMatchObject({ code: 0, stderr: '' });
    expect(printed.stdout).toMatch(/^\[profile devaccess-machine\]\ncredential_process = "/);
    const config = machine.write('config', printed.stdout);
    const profile = 'devaccess-machine';
    const env = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: `${config}.none` };
    const cli = await run('aws', ['sts', 'get-caller-identity', `--profile=${profile}`], {
      env: machine.env(env),
    });
    const arn = 'arn:aws:sts::123456789012:assumed-role/devaccess-machine/';
    expect(JSON.parse(cli.stdout)).toMatchObject({ Arn: expect.stringContaining(arn) as string });
    // The SDK for JavaScript has a shell read the line.
    for (const [name, value] of Object.entries(machine.env(env))) vi.stubEnv(name, value);
    const { endpoint } = machine.sandbox;
    const credentials = fromIni({ profile });
    const client = new STSClient({ region: 'us-east-1', endpoint, credentials });
    const { Arn } = await client.send(new GetCallerIdentityCommand());
    expect(Arn).toContain(arn);
    vi.unstubAllEnvs();
    const again = await machine.run('credential-process', options, env);
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toContain('[DA_PROFILE_EXISTS] Next: give --as another name');
  });
});
