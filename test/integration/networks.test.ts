import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { httpProxy, makeCertificates, tlsFront } from './support/network-path.ts';
import type { Front, TestCertificates, TestProxy } from './support/network-path.ts';
import { collect, firstOutput, Person } from './support/person.ts';
import type { Finished } from './support/person.ts';

/** Gateway and API host of one region in each partition, by AWS's own table. */
const PARTITIONS = [
  ['eu-central-1', 'amazonaws.com'],
  ['cn-north-1', 'amazonaws.com.cn'],
  ['us-gov-west-1', 'amazonaws.com'],
  ['us-iso-east-1', 'c2s.ic.gov'],
  ['us-isob-east-1', 'sc2s.sgov.gov'],
  ['eu-isoe-west-1', 'cloud.adc-e.uk'],
  ['us-isof-south-1', 'csp.hci.ic.gov'],
  ['eusc-de-east-1', 'amazonaws.eu'],
] as const;

let folder: string;
let certificates: TestCertificates;
const leaving: (() => Promise<void>)[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'devaccess-networks-'));
  const regions = PARTITIONS.map(([region, suffix]) => `*.${region}.${suffix}`);
  certificates = makeCertificates(folder, [
    ...regions,
    '*.us-east-1.amazonaws.com',
    '*.us-east-1.api.aws',
    '*.aws.test',
  ]);
});
afterEach(async () => {
  for (const leave of leaving.splice(0).reverse()) await leave();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A person whose AWS answers on TLS, on the names of the real one, behind a proxy alone. */
interface Company {
  person: Person;
  front: Front;
  proxy: TestProxy;
  /** HTTPS_PROXY with user and password, AWS_CA_BUNDLE, and no endpoint. */
  env: Record<string, string>;
}

type Route = Parameters<typeof httpProxy>[0];

async function company(
  gateway: string | ((front: Front) => string),
  options: { region?: string; route?: (front: Front) => Route } = {},
): Promise<Company> {
  const { region = 'us-east-1' } = options;
  const person = await Person.arrive({
    region,
    requireMfa: false,
    gatewayUrl: () => (typeof gateway === 'string' ? gateway : gateway(front)),
  });
  leaving.push(() => person.leave());
  const front = await tlsFront(certificates, () => person.aws.sandbox.port);
  leaving.push(() => front.close());
  const proxy = await httpProxy(options.route?.(front) ?? (() => front));
  leaving.push(() => proxy.close());
  const { accessKeyId, secretAccessKey } = person.aws.sandbox.accessKey;
  return {
    person,
    front,
    proxy,
    env: {
      AWS_ENDPOINT_URL: '',
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_CA_BUNDLE: certificates.caFile,
      HTTPS_PROXY: `http://alice:s%3Acret@localhost:${proxy.port}`,
    },
  };
}

/** Runs the proxy until the SSH server has spoken, or until it ends by itself. */
async function connect(
  { person }: Company,
  env: Record<string, string>,
  args: string[] = [],
): Promise<Finished> {
  const child = person.start('devaccess-proxy', [person.bastionId, '22', ...args], env);
  const finished = collect(child);
  void firstOutput(child).then(
    () => child.kill('SIGTERM'),
    () => undefined,
  );
  return finished;
}

const SPOKE = { code: 143, stdout: expect.objectContaining({}) as Buffer, stderr: '' };

async function expectBanner(
  place: Company,
  env: Record<string, string> = place.env,
  args?: string[],
): Promise<void> {
  const run = await connect(place, env, args);
  expect(run).toMatchObject(SPOKE);
  expect(run.stdout.toString()).toMatch(/^SSH-2.0-/);
  await place.person.noSessionIsOpen();
}

describe('behind an HTTP proxy', () => {
  it('a whole morning goes through it: APIs and the stream', async () => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com');
    const { person, proxy, env } = place;
    const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, ...bare } = env;
    const mfa = ['mfa', '--token', person.aws.sandbox.mfaCode()];
    expect(await person.run('devaccess', mfa, { env: bare })).toMatchObject({ code: 0 });
    expect(await person.run('devaccess', ['hosts', 'sync'], { env: bare })).toMatchObject({
      code: 0,
    });
    const ssh = await person.run('ssh', ['someserver', 'echo there'], { env: bare });
    expect(ssh).toMatchObject({ code: 0, stderr: '' });
    expect(ssh.stdout.toString()).toBe('there\n');
    expect(new Set(proxy.asked)).toEqual(
      new Set(
        ['sts', 'ec2', 'ssm', 'ssmmessages'].map((name) => `${name}.us-east-1.amazonaws.com:443`),
      ),
    );
    const basic = `Basic ${Buffer.from('alice:s:cret').toString('base64')}`;
    expect(new Set(proxy.authorizations)).toEqual(new Set([basic]));
  });

  it('opens the stream’s connection with the first call, and no more than needed', async () => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com');
    await expectBanner(place);
    expect(place.proxy.asked.toSorted()).toEqual([
      'ssm.us-east-1.amazonaws.com:443',
      'ssmmessages.us-east-1.amazonaws.com:443',
    ]);
  });

  it.each(PARTITIONS)('reaches region %s below %s', async (region, suffix) => {
    const place = await company(`wss://ssmmessages.${region}.${suffix}`, { region });
    await expectBanner(place);
    expect(new Set(place.proxy.asked)).toEqual(
      new Set([`ssm.${region}.${suffix}:443`, `ssmmessages.${region}.${suffix}:443`]),
    );
  });

  it.each([
    [
      'AWS_USE_FIPS_ENDPOINT',
      'ssm-fips.us-east-1.amazonaws.com',
      'ssmmessages-fips.us-east-1.amazonaws.com',
    ],
    ['AWS_USE_DUALSTACK_ENDPOINT', 'ssm.us-east-1.api.aws', 'ssmmessages.us-east-1.api.aws'],
  ])('honours %s', async (name, api, gateway) => {
    const place = await company(`wss://${gateway}`);
    await expectBanner(place, { ...place.env, [name]: 'true' });
    expect(place.proxy.asked.toSorted()).toEqual([`${api}:443`, `${gateway}:443`].toSorted());
  });

  it.each([
    [407, /put the user and password of the proxy into HTTPS_PROXY/],
    [403, /ask for access to this host through the proxy/],
  ])('says so when it refuses with %i', async (status, next) => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com', {
      route: () => () => status,
    });
    const { person, proxy, env } = place;
    const runs = [
      await connect(place, env),
      await person.run('devaccess', ['hosts', 'sync'], { env }),
      await person.run('devaccess', ['mfa', '--token', '123456'], { env }),
    ];
    for (const { code, stderr } of runs) {
      expect(code).toBe(1);
      const line = stderr.trimEnd().split('\n').at(-1) ?? '';
      expect(line).toMatch(new RegExp(`The proxy localhost:${proxy.port} refused a connection to`));
      expect(line).toContain(`(HTTP ${status}) [DA_PROXY] Next: `);
      expect(line).toMatch(next);
      expect(stderr).not.toMatch(/s%3Acret|s:cret|alice/);
    }
  });

  it('says so when it refuses the stream alone, and ends the session', async () => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com', {
      route: (front) => (where) => (where.startsWith('ssmmessages') ? 403 : front),
    });
    const run = await connect(place, place.env);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/refused a connection to ssmmessages\.us-east-1\..* \[DA_PROXY\]/);
    await place.person.noSessionIsOpen();
  });

  it('says so when it cannot be reached', async () => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com');
    await place.proxy.close();
    leaving.pop();
    const run = await connect(place, place.env);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(
      /The proxy localhost:\d+ could not be reached .* \(ECONNREFUSED\) \[DA_PROXY_UNREACHABLE\]/,
    );
    expect(run.stderr).not.toContain('cret');
  });

  it('is not asked for hosts that NO_PROXY names', async () => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com');
    const env = { ...place.env, AWS_ENDPOINT_URL: 'https://api.aws.test' };
    const run = await connect(place, { ...env, no_proxy: '.aws.test' });
    expect(run.stderr).toMatch(/\[DA_ENDPOINT_UNREACHABLE\]/);
    expect(place.proxy.asked).toEqual([]);
  });

  it('is not asked for this machine', async () => {
    const place = await company(({ port }) => `wss://localhost:${port}`);
    await expectBanner(place, {
      ...place.env,
      AWS_ENDPOINT_URL: `https://localhost:${place.front.port}`,
    });
    expect(place.proxy.asked).toEqual([]);
  });
});

describe('AWS_CA_BUNDLE', () => {
  it('is needed for a certificate of an authority of one’s own', async () => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com');
    const run = await connect(place, { ...place.env, AWS_CA_BUNDLE: '' });
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/\[DA_TLS\]/);
    expect(place.person.aws.sandbox.registry.list()).toEqual([]);
  });

  it('does not take the certificate of another host', async () => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com');
    const env = { ...place.env, AWS_ENDPOINT_URL_SSM: 'https://other.test' };
    expect((await connect(place, env)).stderr).toMatch(/\[DA_TLS\]/);
  });

  it.each([
    ['does not exist', () => join(folder, 'none.pem')],
    ['holds no certificate', () => join(folder, 'server.ext')],
  ])('is named in the error when it %s', async (_what, file) => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com');
    const env = { ...place.env, AWS_CA_BUNDLE: file() };
    const runs = [
      await connect(place, env),
      await place.person.run('devaccess', ['hosts', 'sync'], { env }),
    ];
    for (const { code, stderr } of runs) {
      expect(code).toBe(1);
      expect(stderr).toMatch(/AWS_CA_BUNDLE cannot be used: .* \[DA_CA_BUNDLE\]/);
    }
  });
});

describe('configured endpoints', () => {
  it('AWS_ENDPOINT_URL_SSMMESSAGES takes the place of the gateway that AWS names', async () => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com');
    await expectBanner(place, {
      ...place.env,
      AWS_ENDPOINT_URL_SSM: 'https://ssm.aws.test',
      AWS_ENDPOINT_URL_SSMMESSAGES: 'https://stream.aws.test',
    });
    expect(place.proxy.asked.toSorted()).toEqual(['ssm.aws.test:443', 'stream.aws.test:443']);
  });

  it('a gateway that nobody configured is refused', async () => {
    const place = await company('wss://stream.aws.test');
    const run = await connect(place, place.env);
    expect(run.stderr).toMatch(/stream\.aws\.test is not the message gateway .*\[DA_STREAM_URL\]/);
    expect(place.proxy.asked).not.toContain('stream.aws.test:443');
  });

  it.each([
    ['endpoint_url of the profile', 'endpoint_url = https://all.aws.test', 'all.aws.test'],
    [
      'the services section of the profile',
      'services = mine\n[services mine]\nssm =\n  endpoint_url = https://ssm.aws.test\n' +
        'ssmmessages =\n  endpoint_url = https://all.aws.test',
      'ssm.aws.test',
    ],
  ])('%s counts, for the profile that is asked for', async (_what, settings, api) => {
    const place = await company('wss://all.aws.test');
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, ...env } = place.env;
    const config = join(place.person.home, 'config');
    const keys = `aws_access_key_id = ${id ?? ''}\naws_secret_access_key = ${secret ?? ''}\n`;
    writeFileSync(config, `[default]\nregion = us-east-1\n[profile mine]\n${keys}${settings}\n`);
    await expectBanner(place, { ...env, AWS_CONFIG_FILE: config }, ['--profile', 'mine']);
    expect(new Set(place.proxy.asked)).toEqual(new Set([`${api}:443`, 'all.aws.test:443']));
    const sync = ['hosts', 'sync', '--profile', 'mine'];
    const isForAll = api === 'all.aws.test';
    if (!isForAll) return;
    place.proxy.asked.length = 0;
    const run = await place.person.run('devaccess', sync, {
      env: { ...env, AWS_CONFIG_FILE: config },
    });
    expect(run).toMatchObject({ code: 0 });
    expect(new Set(place.proxy.asked)).toEqual(new Set(['all.aws.test:443']));
  });

  it('one that is no URL is an error', async () => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com');
    const run = await connect(place, { ...place.env, AWS_ENDPOINT_URL_SSMMESSAGES: 'stream' });
    expect(run.stderr).toMatch(/AWS_ENDPOINT_URL_SSMMESSAGES is not an endpoint.*\[DA_ENDPOINT\]/);
  });
});

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((address) => address?.address === '::1');

describe('a network with IPv6 alone', () => {
  it.runIf(hasIpv6)('works from sign-in to ssh', async () => {
    const person = await Person.arrive({ host: '::1' });
    leaving.push(() => person.leave());
    expect(person.env()['AWS_ENDPOINT_URL']).toMatch(/^http:\/\/\[::1\]:/);
    await person.startDay();
    const ssh = await person.run('ssh', ['someserver', 'echo there']);
    expect(ssh).toMatchObject({ code: 0, stderr: '' });
    expect(ssh.stdout.toString()).toBe('there\n');
  });
});

describe('the connection opened in advance', () => {
  it('is not used when the stream is elsewhere', async () => {
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com');
    // The endpoint of all services is predicted for the stream too, and is wrong.
    const env = {
      ...place.env,
      AWS_ENDPOINT_URL: 'https://all.aws.test',
    };
    await expectBanner(place, env);
    expect(place.proxy.asked.toSorted()).toEqual([
      'all.aws.test:443',
      'all.aws.test:443',
      'ssmmessages.us-east-1.amazonaws.com:443',
    ]);
  });

  it('is not missed when it dies', async () => {
    let deaths = 0;
    // Takes the first connection to the stream's host, lets it be, and drops it.
    const trap = createServer((socket: Socket) => {
      deaths += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    leaving.push(() => new Promise((resolve) => trap.close(() => resolve())));
    const { port } = trap.address() as { port: number };
    const place = await company('wss://ssmmessages.us-east-1.amazonaws.com', {
      route: (front) => (where) =>
        where.startsWith('ssmmessages') && deaths === 0 ? { port } : front,
    });
    await expectBanner(place);
    expect(deaths).toBe(1);
  });
});
