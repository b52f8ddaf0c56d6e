import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { errorLine } from '../../src/platform/errors.ts';
import { serve } from '../../src/roles-anywhere/serve/serve.ts';
import type { Served } from '../../src/roles-anywhere/serve/serve.ts';
import { sessionPlan } from '../../src/roles-anywhere/session-plan.ts';
import { Authority } from './support/authority.ts';
import { asArguments, Machine } from './support/machine.ts';
import type { Options } from './support/machine.ts';
import { devaccess, run } from './cli.ts';
import { isInstalled } from './support/installed.ts';

const TTL = 'x-aws-ec2-metadata-token-ttl-seconds';
const CREDENTIALS = '/latest/meta-data/iam/security-credentials/devaccess-machine';
const ARN = 'arn:aws:sts::123456789012:assumed-role/devaccess-machine';

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.arrive();
});
afterAll(() => machine.leave());

/** An endpoint in this process, whose clock may be set. */
async function start(options: Options = machine.identity()) {
  const stop = new AbortController();
  const clock = { offsetMs: 0 };
  const said: string[] = [];
  const env = machine.env({ XDG_STATE_HOME: join(machine.home, `state-${Math.random()}`) });
  const plan = await sessionPlan(machine.options(options), env);
  let tell: (served: Served) => void;
  const served = new Promise<Served>((resolve) => (tell = resolve));
  const done = serve(plan, 0, stop.signal, {
    env,
    now: () => Date.now() + clock.offsetMs,
    say: (text) => void said.push(text),
    askPassphrase: () => Promise.reject(new Error('nobody to ask')),
    onServing: (given) => tell(given),
  });
  const first = await Promise.race([served, done]);
  return {
    clock,
    said,
    served: first as Served,
    close: async () => {
      stop.abort();
      await done;
    },
  };
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

async function ask(
  { port }: Served,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const request = httpRequest({ host: '127.0.0.1', port, method, path, headers }).end();
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const body = (await answer.toArray()).join('');
  return { status: answer.statusCode ?? 0, headers: answer.headers, body };
}

async function askWithToken(served: Served, path: string): Promise<Answer> {
  const { body } = await ask(served, 'PUT', '/latest/api/token', { [TTL]: '60' });
  return ask(served, 'GET', path, { 'x-aws-ec2-metadata-token': body });
}

describe('devaccess anywhere serve', () => {
  it('gives credentials over HTTP on 127.0.0.1, and ends cleanly', async () => {
    const { served, close } = await start();
    const { status, headers, body } = await askWithToken(served, CREDENTIALS);
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': 'application/json', [TTL]: '60' });
    expect(JSON.parse(body)).toMatchObject({ Code: 'Success' });
    expect((await ask(served, 'GET', CREDENTIALS)).status).toBe(401);
    await close();
    const gone = connect(served.port, '127.0.0.1');
    await expect(once(gone, 'connect')).rejects.toThrow('ECONNREFUSED');
  });

  it('asks once for many, serves what lasts when the service fails, and nothing after its end', async () => {
    const { served, clock, said, close } = await start();
    machine.answers.length = 0;
    const [anchor] = machine.sandbox.rolesAnywhere.trustAnchors.values();
    anchor!.enabled = false;
    try {
      clock.offsetMs = 59 * 60_000;
      expect((await askWithToken(served, CREDENTIALS)).status).toBe(200);
      clock.offsetMs = 60 * 60_000 + 1_000;
      machine.clock.offsetMs = clock.offsetMs;
      const late = await Promise.all([1, 2, 3].map(() => askWithToken(served, CREDENTIALS)));
      expect(late.map(({ status }) => status)).toEqual([503, 503, 503]);
      expect(late[0]!.body).not.toMatch(/ASIA|anchor/i);
      expect(machine.answers).toEqual([403]);
    } finally {
      anchor!.enabled = true;
    }
    // Soon after a failure nobody is asked; then whoever comes first brings new ones.
    clock.offsetMs += 10_000;
    machine.clock.offsetMs = clock.offsetMs;
    expect((await askWithToken(served, CREDENTIALS)).status).toBe(200);
    machine.clock.offsetMs = 0;
    expect(said).toEqual([]);
    await close();
  });

  it('does not start with what trying again cannot change, nor on a port in use', async () => {
    const stranger = machine.identity({}, Authority.root('stranger'));
    await expect(start(stranger).catch(errorLine)).resolves.toMatch(/\[DA_CERTIFICATE_UNTRUSTED\]/);
    const { served, close } = await start();
    const options = machine.options({ ...machine.identity(), port: String(served.port) });
    expect(await machine.run('serve', options)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^devaccess: Port \d+ .* is in use \[DA_PORT_BUSY\]/) as string,
    });
    await close();
  });

  it('is not held up by those who send too much, nonsense, or nothing', async () => {
    const { served, close } = await start();
    const say = async (text: string): Promise<string> => {
      const socket = connect(served.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(text);
      return (await socket.toArray()).join('');
    };
    const long = `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    expect(await say(long)).toMatch(/^HTTP\/1\.1 400/);
    expect(await say('SSH-2.0-x\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
    const silent = Array.from({ length: 300 }, () => connect(served.port, '127.0.0.1'));
    await Promise.all(
      silent.map((each) =>
        once(
          each.on('error', () => undefined),
          'connect',
        ),
      ),
    );
    const upload =
      'PUT /latest/api/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n';
    expect(await say(upload)).toMatch(/^HTTP\/1\.1 400 .*[Cc]onnection: close/s);
    expect((await askWithToken(served, CREDENTIALS)).status).toBe(200);
    await close();
    for (const each of silent) each.destroy();
  });
});

describe.skipIf(!isInstalled('aws'))('what AWS tools get from it', () => {
  it('serves the AWS CLI, boto3 and the SDK for JavaScript, told by its one line', async () => {
    let output = '';
    let kill: ((signal: NodeJS.Signals) => void) | undefined;
    const options = machine.options({ ...machine.identity(), port: '0' });
    const process_ = devaccess(['anywhere', 'serve', ...asArguments(options)], {
      env: machine.env(),
      onStarted: (given) => (kill = given),
      onOutput: (text) => (output += text),
    });
    await expect.poll(() => output, { timeout: 20_000 }).toContain('\n');
    const [, name, endpoint] = /^export (\w+)=(\S+)\n$/.exec(output) ?? [];
    expect(name).toBe('AWS_EC2_METADATA_SERVICE_ENDPOINT');
    const nowhere = join(machine.home, 'none');
    const env = machine.env({
      [name!]: endpoint!,
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_CONFIG_FILE: nowhere,
      AWS_SHARED_CREDENTIALS_FILE: nowhere,
    });
    const boto3 =
      'import boto3; s = boto3.Session(); print(s.get_credentials().method, s.client("sts").get_caller_identity()["Arn"])';
    const [cli, python] = await Promise.all([
      run('aws', ['sts', 'get-caller-identity', '--query=Arn', '--output=text'], { env }),
      run('python3', ['-c', boto3], { env }),
    ]);
    expect(cli).toMatchObject({ code: 0 });
    expect(cli.stdout).toContain(ARN);
    expect(python.stdout).toContain(`iam-role ${ARN}`);
    for (const [key, value] of Object.entries(env)) vi.stubEnv(key, value);
    for (const key of ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE']) vi.stubEnv(key, undefined);
    const client = new STSClient({
      region: 'us-east-1',
      endpoint: machine.sandbox.endpoint,
      credentials: defaultProvider(),
    });
    const { Arn } = await client.send(new GetCallerIdentityCommand());
    expect(Arn).toContain(ARN);
    vi.unstubAllEnvs();
    kill!('SIGTERM');
    expect(await process_).toMatchObject({ code: 0 });
  });
});
