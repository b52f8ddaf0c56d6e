import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { DescribeInstanceInformationCommand } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import { failure, running, start } from './clients.ts';
import type { Keys } from './clients.ts';

describe('sandbox authentication', () => {
  it.each<[string, (keys: Keys) => Keys, [string, number], [string, number], [string, number]]>([
    [
      'a wrong secret',
      (keys) => ({ ...keys, secretAccessKey: 'wrong' }),
      ['SignatureDoesNotMatch', 403],
      ['AuthFailure', 401],
      ['InvalidSignatureException', 400],
    ],
    [
      'an unknown key',
      (keys) => ({ ...keys, accessKeyId: 'AKIAAAAAAAAAAAAAAAAA' }),
      ['InvalidClientTokenId', 403],
      ['AuthFailure', 401],
      ['UnrecognizedClientException', 400],
    ],
  ])('refuses %s in the words of each service', async (_name, spoil, onSts, onEc2, onSsm) => {
    const { sts, ec2, ssm, longTerm } = await start();
    const keys = spoil(longTerm);
    await expect(sts(keys).send(new GetCallerIdentityCommand({}))).rejects.toThrow(
      failure(...onSts),
    );
    await expect(ec2(keys).send(new DescribeInstancesCommand({}))).rejects.toThrow(
      failure(...onEc2),
    );
    await expect(ssm(keys).send(new DescribeInstanceInformationCommand({}))).rejects.toThrow(
      failure(...onSsm),
    );
  });

  it('says that a session has expired in the words of each service', async () => {
    const { clock, ec2, ssm, mfaKeys } = await start({ maxCredentialLifetimeMs: 1000 });
    const keys = await mfaKeys();
    clock.nowMs += 1000;
    await expect(ec2(keys).send(new DescribeInstancesCommand({}))).rejects.toThrow(
      failure('RequestExpired', 400),
    );
    await expect(ssm(keys).send(new DescribeInstanceInformationCommand({}))).rejects.toThrow(
      failure('ExpiredTokenException', 400),
    );
  });
});

describe('the sandbox server', () => {
  it.each<[string, RequestInit & { path?: string }, number, RegExp]>([
    ['nothing', {}, 404, /UnknownOperationException/],
    [
      'an unsigned query action',
      { path: '/?Action=GetCallerIdentity&Version=2011-06-15' },
      403,
      /<Code>MissingAuthenticationToken<\/Code>/,
    ],
    [
      'an unsigned EC2 action',
      { path: '/?Action=DescribeInstances&Version=2016-11-15' },
      400,
      /^<\?xml.*\n<Response><Errors><Error><Code>MissingParameter</,
    ],
    [
      'an unsigned target',
      { method: 'POST', body: '{', headers: { 'x-amz-target': 'AmazonSSM.StartSession' } },
      400,
      /"__type":"MissingAuthenticationTokenException"/,
    ],
    [
      'an unknown operation',
      { method: 'POST', body: '{}', headers: { 'x-amz-target': 'AmazonSSM.toString' } },
      400,
      /"__type":"UnknownOperationException"/,
    ],
    [
      'markup in an action',
      { path: '/?Action=%3Cb%3E%00&Version=2011-06-15' },
      400,
      /operation &lt;b&gt;\ufffd for/,
    ],
    ['more than it reads', { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) }, 413, /1 MiB/],
  ])('answers %s', async (_name, { path = '/', ...init }, status, body) => {
    const { sandbox } = await start();
    const response = await fetch(sandbox.endpoint + path, init);
    expect(response.status).toBe(status);
    expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await response.text()).toMatch(body);
  });

  it('survives bytes that are no HTTP and goes on serving', async () => {
    const { sandbox, sts } = await start();
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(sandbox.port, '127.0.0.1', () =>
        socket.end('\u0000\u0001 garbage\r\n\r\n'),
      );
      let text = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
      socket.on('close', () => resolve(text)).on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect((await sts().send(new GetCallerIdentityCommand({}))).Account).toBe('123456789012');
  });

  it('answers anything with a refusal, never with a fault of its own', async () => {
    const { sandbox } = await start();
    const text = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    });
    const { accessKeyId } = sandbox.accessKey;
    const credential = fc
      .tuple(
        fc.constantFrom(accessKeyId, 'AKIA', ''),
        fc.constantFrom('ssm', 'kms', 'sts', 'ec2', 'iam', 's3'),
      )
      .map(([key, service]) => `Credential=${key}/20260101/us-east-1/${service}/aws4_request`);
    const request = fc.record({
      path: fc.webPath(),
      query: fc.webQueryParameters(),
      target: fc.oneof(text, fc.constantFrom('AmazonSSM.StartSession', 'TrentService.Decrypt')),
      type: fc.constantFrom('application/x-amz-json-1.1', 'application/x-www-form-urlencoded'),
      authorization: fc.oneof(
        text,
        credential.map((part) => `AWS4-HMAC-SHA256 ${part}, SignedHeaders=host;, Signature=00`),
      ),
      date: fc.oneof(text, fc.constantFrom('20260101T000000Z', '20261399T000000Z')),
      body: fc.uint8Array({ maxLength: 200 }),
    });
    await fc.assert(
      fc.asyncProperty(
        request,
        async ({ path, query, target, type, authorization, date, body }) => {
          const response = await fetch(`${sandbox.endpoint}/${path}?${query}`, {
            method: 'POST',
            headers: {
              'x-amz-target': target,
              'content-type': type,
              authorization,
              'x-amz-date': date,
            },
            body: Buffer.from(body),
          });
          await response.text();
          expect(response.status).toBeGreaterThanOrEqual(400);
          expect(response.status).toBeLessThan(500);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('listens on loopback only and frees its port when closed', async () => {
    const { sandbox } = await start();
    expect(sandbox.httpServer.address()).toMatchObject({ address: '127.0.0.1' });
    await sandbox.close();
    await expect(fetch(sandbox.endpoint)).rejects.toThrow();
    const again = await startSandbox({ port: sandbox.port });
    running.push(again);
    expect(again.endpoint).toBe(sandbox.endpoint);
    await expect(startSandbox({ port: sandbox.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  it('writes the files of a new employee, for their eyes only, and takes them away', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'devaccess-sandbox-'));
    try {
      const { sandbox } = await start({ stateDir: join(folder, 'aws'), profile: 'work' });
      const { AWS_SHARED_CREDENTIALS_FILE: credentials, AWS_CONFIG_FILE: config } =
        sandbox.environment;
      expect(await readFile(credentials!, 'utf8')).toBe(
        '[work-long-term]\n' +
          `aws_access_key_id = ${sandbox.accessKey.accessKeyId}\n` +
          `aws_secret_access_key = ${sandbox.accessKey.secretAccessKey}\n` +
          'aws_mfa_device = arn:aws:iam::123456789012:mfa/alice\n',
      );
      expect((await stat(credentials!)).mode & 0o777).toBe(0o600);
      expect(await readFile(config!, 'utf8')).toContain('[profile work]\nregion = us-east-1\n');
      await sandbox.close();
      await expect(stat(credentials!)).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
