import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connections } from '../../../src/aws/connections.ts';
import { JsonService } from '../../../src/aws/json-service.ts';

interface Heard {
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}
type Answer = (response: ServerResponse) => void;

let server: Server;
let heard: Heard[];
/** In order; the last one answers all that come after. */
let answers: Answer[];
let credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string }>;

beforeEach(async () => {
  heard = [];
  credentials = () => Promise.resolve({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' });
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const answer = answers[Math.min(heard.length, answers.length - 1)];
      heard.push({ url: request.url, headers: request.headers, body });
      answer?.(response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

function service(path = ''): JsonService {
  const { port } = server.address() as AddressInfo;
  return new JsonService({
    service: 'ssm',
    target: 'AmazonSSM',
    region: 'eu-central-1',
    endpoint: new URL(`http://127.0.0.1:${port}${path}`),
    credentials: () => credentials(),
    connections: new Connections({}),
  });
}

const content =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, headers);
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
const failure = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'no failure',
    (error: unknown) => error,
  );

describe('a call of a service that speaks JSON', () => {
  it('sends a signed request, and hands over what is answered', async () => {
    answers = [content(200, { SessionId: 'alice-1' })];
    let sent = 0;
    const call = service('/base').call('StartSession', { Target: 'i-é' }, () => (sent += 1));
    expect(await call).toEqual({ SessionId: 'alice-1' });
    expect(sent).toBe(1);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({
      url: '/base/',
      body: '{"Target":"i-é"}',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AmazonSSM.StartSession',
        'user-agent': expect.stringMatching(/^devaccess\//) as string,
        authorization: expect.stringMatching(
          /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/ssm\/aws4_request, /,
        ) as string,
      },
    });
  });

  it.each([
    ['__type', content(400, { __type: 'com.amazon#TargetNotConnected', message: 'why' })],
    ['code', content(400, { code: 'TargetNotConnected:http://x', Message: 'why' })],
    [
      'the header',
      content(400, { message: 'why' }, { 'x-amzn-errortype': 'TargetNotConnected,x' }),
    ],
  ])('fails with the name that the service gives in %s, at once', async (_where, answer) => {
    answers = [answer];
    expect(await failure(service().call('StartSession', {}))).toMatchObject({
      name: 'TargetNotConnected',
      message: 'why',
      $metadata: { httpStatusCode: 400 },
    });
    expect(heard).toHaveLength(1);
  });

  it.each([
    ['HTTP 500', content(500, { __type: 'InternalServerError' })],
    ['a proxy that has lost the service', content(503, '<html>unavailable</html>')],
    ['a throttle', content(400, { __type: 'ThrottlingException', message: 'Rate exceeded' })],
    ['a connection that breaks', (response: ServerResponse) => response.destroy()],
  ])('is tried again after %s', async (_what, answer) => {
    answers = [answer, content(200, {})];
    expect(await service().call('ResumeSession', {})).toEqual({});
    expect(heard).toHaveLength(2);
  });

  it('is tried three times in all', async () => {
    answers = [content(500, { __type: 'InternalServerError' })];
    const error = await failure(service().call('ResumeSession', {}));
    expect(error).toMatchObject({ name: 'InternalServerError' });
    expect(heard).toHaveLength(3);
  });

  it('signs with the time of the service when this clock is wrong, and goes on so', async () => {
    const theirs = new Date(Date.now() + 3 * 3_600_000);
    const date = { date: theirs.toUTCString() };
    const refused = { __type: 'InvalidSignatureException', message: 'Signature not yet current' };
    answers = [content(400, refused, date), content(200, {}, date)];
    const ssm = service();
    expect(await ssm.call('StartSession', {})).toEqual({});
    await ssm.call('TerminateSession', {});
    const signedHoursAhead = heard.map(({ headers }) => {
      const at = String(headers['x-amz-date']).replace(
        /^(....)(..)(..T..)(..)(..Z)$/,
        '$1-$2-$3:$4:$5',
      );
      return ((Date.parse(at) - Date.now()) / 3_600_000).toFixed(0).replace('-0', '0');
    });
    expect(signedHoursAhead).toEqual(['0', '3', '3']);
    // The stream of a session is signed with it, too.
    expect((ssm.now.getTime() - Date.now()) / 3_600_000).toBeCloseTo(3, 1);
  });

  it('does not take a signature for a wrong clock that is only wrong', async () => {
    answers = [content(400, { __type: 'InvalidSignatureException', message: 'does not match' })];
    const error = await failure(service().call('StartSession', {}));
    expect(error).toMatchObject({ name: 'InvalidSignatureException' });
    expect(heard).toHaveLength(1);
  });

  it.each([
    ['a page', content(200, '<html>log in</html>')],
    ['a list', content(200, '[]')],
    ['a way elsewhere', content(302, '', { location: 'https://elsewhere.example' })],
  ])('fails for %s, which AWS never answers', async (_what, answer) => {
    answers = [answer];
    const error = await failure(service().call('StartSession', {}));
    expect(error).toMatchObject({ name: 'Unknown' });
    expect(heard).toHaveLength(1);
  });

  it('does not take an answer without end', async () => {
    let written = 0;
    answers = [
      (response) => {
        const pour = (): void => {
          while (!response.destroyed && response.write('x'.repeat(65_536))) written += 65_536;
        };
        response.on('drain', pour);
        pour();
      },
    ];
    const error = await failure(service().call('StartSession', {}));
    expect(error).toMatchObject({ message: expect.stringContaining('larger') as string });
    expect(written).toBeLessThan(64 * 1024 * 1024);
  });

  it('names the host where the network fails, and asks nobody without credentials', async () => {
    const ssm = service();
    const { port } = server.address() as AddressInfo;
    answers = [content(200, {})];
    const lost = new Error('no credentials');
    credentials = () => Promise.reject(lost);
    expect(await failure(ssm.call('StartSession', {}))).toBe(lost);
    expect(heard).toEqual([]);
    credentials = () => Promise.resolve({ accessKeyId: 'a', secretAccessKey: 'b' });
    server.close();
    const refused = await failure(ssm.call('StartSession', {}));
    expect(refused).toMatchObject({ code: 'ECONNREFUSED', endpointHost: `127.0.0.1:${port}` });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
});
