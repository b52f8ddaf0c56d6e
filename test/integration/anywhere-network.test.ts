import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Connections } from '../../src/aws/connections.ts';
import { errorLine } from '../../src/platform/errors.ts';
import { postOver } from '../../src/roles-anywhere/exchange.ts';
import type { GivenCredentials } from '../../src/roles-anywhere/options.ts';
import { readLeaf } from '../../src/roles-anywhere/identity.ts';
import { requestCredentials } from '../../src/roles-anywhere/request-credentials.ts';
import { sessionPlan } from '../../src/roles-anywhere/session-plan.ts';
import { Machine } from './support/machine.ts';
import { httpProxy, makeCertificates, tlsFront } from './support/network-path.ts';
import type { Front, TestCertificates } from './support/network-path.ts';

const HOST = 'rolesanywhere.us-east-1.amazonaws.com';

let machine: Machine;
let certificates: TestCertificates;
let front: Front;
beforeAll(async () => {
  machine = await Machine.arrive();
  certificates = makeCertificates(machine.home, [HOST]);
  front = await tlsFront(certificates, () => machine.sandbox.port);
});
afterAll(async () => {
  await front.close();
  await machine.leave();
});
const closing: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** The name of an access key, or the line of the error, and what was said. */
async function ask(options: GivenCredentials, env: Record<string, string>) {
  const said: string[] = [];
  const world = {
    env: { HOME: machine.home, ...env },
    now: Date.now,
    say: (text: string) => said.push(text),
    askPassphrase: () => Promise.reject(new Error('nobody to ask')),
  };
  const given = { ...machine.options(machine.identity()), ...options };
  const outcome = await sessionPlan(given, world.env)
    .then(async (plan) => requestCredentials(plan, await readLeaf(plan), world))
    .then(({ accessKeyId }) => accessKeyId, errorLine);
  return { outcome, said };
}

describe('the way to IAM Roles Anywhere', () => {
  it('is trusted by AWS_CA_BUNDLE, or not at all', async () => {
    const endpoint = `https://localhost:${front.port}`;
    const { outcome } = await ask({ endpoint }, {});
    expect(outcome).toMatch(/No trusted TLS connection to localhost:\d+ .*\[DA_TLS\]/);
    expect((await ask({ endpoint }, { AWS_CA_BUNDLE: certificates.caFile })).outcome).toMatch(
      /^ASIA/,
    );
    const unchecked = await ask({ endpoint, 'no-verify-ssl': true }, {});
    expect(unchecked.outcome).toMatch(/^ASIA/);
    expect(unchecked.said).toEqual([expect.stringContaining('any server could answer')]);
  });

  it("leads to AWS's own endpoint, through a proxy where that is asked for", async () => {
    const proxy = await httpProxy((where) =>
      where === `${HOST}:443` ? { port: front.port } : 403,
    );
    closing.push(() => proxy.close());
    const env = {
      AWS_CA_BUNDLE: certificates.caFile,
      HTTPS_PROXY: `http://user:secret@127.0.0.1:${proxy.port}`,
    };
    const { outcome } = await ask({ 'with-proxy': true }, env);
    expect(outcome).toMatch(/^ASIA/);
    expect(proxy.asked).toEqual([`${HOST}:443`]);
    // Without it no proxy is asked, and the person is told that there is one.
    const direct = await ask({ endpoint: 'https://anywhere.invalid' }, env);
    expect(direct.outcome).toMatch(
      /\[DA_ENDPOINT_UNREACHABLE\] Next: HTTPS_PROXY is set, and is used only with --with-proxy/,
    );
    expect(proxy.asked).toHaveLength(1);
    const refused = await ask({ endpoint: 'https://anywhere.invalid', 'with-proxy': true }, env);
    expect(refused.outcome).toMatch(/The proxy 127.*\(HTTP 403\) \[DA_PROXY\]/);
    expect(refused.outcome).not.toContain('secret');
  });

  it.each([
    [{}, 'us-east-1', 'rolesanywhere.us-east-1.amazonaws.com'],
    [{}, 'cn-north-1', 'rolesanywhere.cn-north-1.amazonaws.com.cn'],
    [
      { AWS_USE_FIPS_ENDPOINT: 'true' },
      'us-gov-west-1',
      'rolesanywhere-fips.us-gov-west-1.amazonaws.com',
    ],
    [{ AWS_USE_DUALSTACK_ENDPOINT: 'true' }, 'eu-west-1', 'rolesanywhere.eu-west-1.api.aws'],
    [
      { AWS_USE_FIPS_ENDPOINT: 'TRUE', AWS_USE_DUALSTACK_ENDPOINT: 'true' },
      'us-east-1',
      'rolesanywhere-fips.us-east-1.api.aws',
    ],
    [{ AWS_ENDPOINT_URL: 'https://a.invalid' }, 'us-east-1', 'a.invalid'],
    [
      {
        AWS_ENDPOINT_URL: 'https://a.invalid',
        AWS_ENDPOINT_URL_ROLESANYWHERE: 'https://b.invalid:8443',
      },
      'us-east-1',
      'b.invalid:8443',
    ],
  ])('with %j in %s is %s', async (env, region, host) => {
    const given = machine.options({ certificate: 'x', region });
    expect((await sessionPlan(given, { HOME: machine.home, ...env })).endpoint.host).toBe(host);
  });

  it('is that of the config file, too', async () => {
    const config = machine.write(
      'config',
      '[default]\nuse_fips_endpoint = true\n[profile node]\nservices = s\n' +
        '[services s]\nrolesanywhere =\n  endpoint_url = https://c.invalid\n',
    );
    const given = machine.options({ certificate: 'x' });
    const host = async (env: Record<string, string>): Promise<string> =>
      (await sessionPlan(given, { AWS_CONFIG_FILE: config, ...env })).endpoint.host;
    expect(await host({})).toBe('rolesanywhere-fips.us-east-1.amazonaws.com');
    expect(await host({ AWS_PROFILE: 'node' })).toBe('c.invalid');
    expect(await host({ AWS_PROFILE: 'node', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' })).toBe(
      'rolesanywhere.us-east-1.amazonaws.com',
    );
  });
});

describe('a hostile peer', () => {
  async function listen(server: Server): Promise<URL> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  async function exchange(url: URL, exchangeMs?: number): Promise<string> {
    const post = postOver(new Connections({}), exchangeMs);
    const answer = post({ url, target: '/sessions', headers: {}, body: '{}' });
    return answer.then(({ status }) => `HTTP ${status}`, errorLine);
  }
  const answering = (listener: RequestListener): Promise<URL> => listen(createServer(listener));

  it('cannot make the answer grow', async () => {
    const url = await answering((_request, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(65_536), more);
      };
      more();
    });
    expect(await exchange(url)).toBe('the answer is too long');
  });

  it('cannot hold the line: nothing, half an answer, or a byte now and then', async () => {
    const silent = await listen(createTcpServer((socket) => socket.resume()));
    const dripping = await answering((_request, response) => {
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
    });
    for (const url of [silent, dripping]) expect(await exchange(url, 200)).toBe('no answer');
  });

  it('that does not speak HTTP, or hangs up, is an error', async () => {
    const talk = (text: string): Promise<URL> =>
      listen(createTcpServer((socket: Socket) => socket.on('data', () => socket.end(text))));
    expect(await exchange(await talk('SSH-2.0-OpenSSH\r\n'))).toMatch(/Parse Error/);
    expect(await exchange(await talk(''))).toBe('socket hang up');
    // One that cuts the answer short is not believed.
    const cut = await talk('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}');
    expect(await exchange(cut)).toBe('aborted');
  });

  it('is left alone with its redirect', async () => {
    const url = await answering((_request, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:1/` }).end();
    });
    expect(await exchange(url)).toBe('HTTP 307');
  });
});
