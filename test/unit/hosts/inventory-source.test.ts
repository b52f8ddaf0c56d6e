import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { awsInventorySource } from '../../../src/hosts/inventory-source.ts';
import { readInventory } from '../../../src/hosts/inventory.ts';
import { nameHosts } from '../../../src/hosts/name-hosts.ts';
import { planRegion } from '../../../src/hosts/plan.ts';
import { account } from './nodes.ts';

const BASTION = 'i-01234567';
const HYBRID = 'mi-0123456789abcdef0';
const options = {
  credentials: { accessKeyId: 'ASIA', secretAccessKey: 'x', sessionToken: 'x' },
  region: 'us-east-1',
};

let server: Server;
afterEach(() => {
  server.close();
  server.closeAllConnections();
  delete process.env.AWS_ENDPOINT_URL;
});

/** An endpoint that answers DescribeInstanceInformation so, and knows one EC2 instance. */
async function endpoint(answer: { status?: number; type?: string; body: string }): Promise<void> {
  server = createServer((request, response) => {
    request.resume();
    const isSsm = request.headers['x-amz-target'] !== undefined;
    const { status = 200, type = 'application/x-amz-json-1.1', body } = answer;
    response.writeHead(isSsm ? status : 200, {
      'content-type': isSsm ? type : 'text/xml',
      location: 'http://127.0.0.1:1/',
    });
    response.end(isSsm ? body : DESCRIBED);
  });
  await listen();
}

async function listen(): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const DESCRIBED =
  '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet>' +
  `<item><instancesSet><item><instanceId>${BASTION}</instanceId><instanceState><name>running` +
  '</name></instanceState><tagSet><item><key>Name</key><value>bastion</value></item></tagSet>' +
  '</item></instancesSet></item></reservationSet></DescribeInstancesResponse>';

const read = (): ReturnType<typeof readInventory> =>
  readInventory(awsInventorySource(options, 'default'));

describe('an endpoint that is not AWS', () => {
  it.each([
    ['HTML 403', { status: 403, type: 'text/html', body: '<html>log in</html>' }, 'HTTP 403'],
    ['a redirect', { status: 302, body: '' }, 'HTTP 302'],
    ['HTML 200', { type: 'text/html', body: '<html>log in</html>' }, 'HTTP 200'],
    [
      'pages without end',
      { body: JSON.stringify({ InstanceInformationList: [], NextToken: 'again' }) },
      'more than 2000 pages',
    ],
  ])('is named where it answers with %s', async (_what, answer, detail) => {
    await endpoint(answer);
    await expect(read()).rejects.toMatchObject({
      code: 'DA_SERVICE_ERROR',
      message: expect.stringMatching(
        new RegExp(`did not answer SSM DescribeInstanceInformation as AWS does \\(${detail}\\)$`),
      ) as string,
      next: expect.stringContaining('AWS_ENDPOINT_URL') as string,
    });
  });

  it.each(['<html>log in</html>', ''])('has no empty account where EC2 is %j', async (body) => {
    server = createServer((request, response) => {
      request.resume();
      const isSsm = request.headers['x-amz-target'] !== undefined;
      response.end(isSsm ? '{"InstanceInformationList":[]}' : body);
    });
    await listen();
    await expect(read()).rejects.toMatchObject({
      code: 'DA_SERVICE_ERROR',
      message: expect.stringContaining(
        'did not answer EC2 DescribeInstances as AWS does',
      ) as string,
    });
  });

  it.each([
    ['no list', { InstanceInformationList: { a: 1 } }],
    ['no answer', null],
    ['no items', { InstanceInformationList: [null, 5, 'x', { InstanceId: 5 }, {}] }],
  ])('counts for nothing where there is %s', async (_what, body) => {
    await endpoint({ body: JSON.stringify(body) });
    const { nodes } = await read();
    expect(nodes).toMatchObject([{ instanceId: BASTION, pingStatus: undefined }]);
  });

  it('names no host by something that is not text', async () => {
    const wrong = { Name: { a: 1 }, ComputerName: 7, PlatformName: ['x'], PlatformType: {} };
    const online = [BASTION, HYBRID].map((InstanceId) => ({ InstanceId, PingStatus: 'Online' }));
    const list = online.map((node) => ({ ...node, ...wrong }));
    await endpoint({ body: JSON.stringify({ InstanceInformationList: list }) });
    const here = account();
    const plan = planRegion(await read(), undefined, here.options);
    const taken = { reserved: new Set<string>(), kept: [] };
    const [{ entries } = { entries: [] }] = nameHosts([{ account: here, plan }], taken);
    expect(entries.map(({ alias, user }) => [alias, user])).toEqual([
      ['bastion', undefined],
      [HYBRID, undefined],
    ]);
  });
});

it('waits where AWS asks to slow down, and goes on', async () => {
  const asked = { ec2: 0, ssm: 0 };
  server = createServer((request, response) => {
    request.resume();
    const service = request.headers['x-amz-target'] === undefined ? 'ec2' : 'ssm';
    asked[service] += 1;
    if (asked[service] > 1) {
      response.end(service === 'ec2' ? DESCRIBED : '{"InstanceInformationList":[]}');
    } else if (service === 'ssm') {
      response.writeHead(400).end('{"__type":"ThrottlingException","message":"Rate exceeded"}');
    } else {
      response
        .writeHead(503)
        .end(
          '<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>',
        );
    }
  });
  await listen();
  const { nodes } = await read();
  expect(nodes).toMatchObject([{ instanceId: BASTION }]);
  expect(asked).toEqual({ ec2: 2, ssm: 2 });
});

it('gives up on an endpoint that falls silent in the middle of an answer', async () => {
  let asked = 0;
  server = createServer((_request, response) => {
    asked += 1;
    response.writeHead(200).write('{');
  });
  await listen();
  const source = awsInventorySource({ ...options, idleMs: 100 }, 'default');
  await expect(readInventory(source)).rejects.toMatchObject({ code: 'DA_ENDPOINT_UNREACHABLE' });
  // It is not asked as patiently as one that wants less.
  expect(asked).toBeLessThanOrEqual(8);
});
