import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pemBlocks } from '../../../src/platform/pem.ts';
import { sessionArns } from '../../../src/roles-anywhere/arns.ts';
import { Certificate } from '../../../src/roles-anywhere/certificate.ts';
import { createSession } from '../../../src/roles-anywhere/create-session.ts';
import type { SessionRequest } from '../../../src/roles-anywhere/create-session.ts';
import type { HttpAnswer, Post } from '../../../src/roles-anywhere/exchange.ts';
import { keySigner } from '../../../src/roles-anywhere/signer.ts';
import { readVector } from '../../vectors/read-vector.ts';
import { SIGNING_VECTORS, vectorText } from './vectors.ts';

const SAMPLE = readVector('roles-anywhere/create-session-response-sample.json') as {
  body: object;
  credential_process_output: Record<string, string>;
  error_examples: { status: number; headers: Record<string, string>; body: object }[];
};
const VECTOR = SIGNING_VECTORS.find(({ id }) => id === 'rsa-query-chain')!;
const parsed = (file: string): Certificate => new Certificate(pemBlocks(vectorText(file))[0]!.der);
const REQUEST: SessionRequest = {
  arns: sessionArns({
    trustAnchorArn: VECTOR.query['trustAnchorArn'],
    profileArn: VECTOR.query['profileArn'],
    roleArn: VECTOR.query['roleArn'],
    region: undefined,
  }),
  durationSeconds: 900,
  roleSessionName: 'node-1@example.com',
  endpoint: new URL(`https://${VECTOR.host}`),
  identity: {
    certificate: parsed(VECTOR.certificate_file),
    chain: VECTOR.chain_files.map(parsed),
    signer: keySigner(createPrivateKey(vectorText(VECTOR.key_file))),
  },
};

/** One answer after the other; a function throws what it returns. */
function service(...answers: (Partial<HttpAnswer> | Error)[]) {
  let nowMs = Date.parse('2024-02-29T12:34:56Z');
  const posts: Parameters<Post>[0][] = [];
  const pauses: number[] = [];
  const session = createSession(REQUEST, {
    now: () => (nowMs += 1000),
    random: () => 0.5,
    pause: (ms) => Promise.resolve(pauses.push(ms)),
    post: (request) => {
      const answer = answers[posts.length];
      posts.push(request);
      if (answer === undefined) return Promise.reject(new Error('asked too often'));
      if (answer instanceof Error) return Promise.reject(answer);
      return Promise.resolve({ status: 403, headers: {}, body: '', ...answer });
    },
  });
  return { session, posts, pauses };
}

const good = { status: 201, body: JSON.stringify(SAMPLE.body) };
const refusal = (message: string, code = 'AccessDeniedException'): Partial<HttpAnswer> => ({
  headers: { 'x-amzn-errortype': `${code}:http://internal.amazon.com/` },
  body: JSON.stringify({ message }),
});
const failure = (code: string) => expect.objectContaining({ code }) as Error;

describe('CreateSession', () => {
  it('goes over the wire as aws_signing_helper sends it', async () => {
    const { session, posts } = service(good);
    await session;
    const [{ url, target, headers, body }] = posts as [Parameters<Post>[0]];
    expect(url.host).toBe(VECTOR.host);
    expect(target).toBe(`/sessions?${VECTOR.canonical_query_string}`);
    expect(body).toBe(VECTOR.body);
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const own = ['x-amz-date', 'amz-sdk-invocation-id'];
    const alike = Object.entries(VECTOR.headers_to_sign).filter(([name]) => !own.includes(name));
    expect(lower).toMatchObject(Object.fromEntries(alike));
    expect(lower['authorization']).toContain(
      `SignedHeaders=${Object.keys(VECTOR.headers_to_sign).sort().join(';')},`,
    );
  });

  it('brings the credentials of the recorded answer', async () => {
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } =
      SAMPLE.credential_process_output;
    expect(await service(good).session).toEqual({
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expirationMs: Date.parse(Expiration!),
    });
  });

  it('is tried three times in all, signed anew, where that may help', async () => {
    const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    const { session, posts, pauses } = service(reset, { status: 503 }, good);
    await session;
    const header = (name: string): (string | undefined)[] =>
      posts.map(({ headers }) => headers[name]);
    expect(new Set(header('X-Amz-Date')).size).toBe(3);
    expect(new Set(header('Authorization')).size).toBe(3);
    expect(new Set(header('amz-sdk-invocation-id')).size).toBe(1);
    expect(header('amz-sdk-request')).toEqual([1, 2, 3].map((n) => `attempt=${n}; max=3`));
    expect(pauses).toEqual([375, 750]);

    const failing = service({ status: 500 }, { status: 502 }, reset);
    await expect(failing.session).rejects.toThrow(failure('DA_ENDPOINT_UNREACHABLE'));
    expect(failing.posts).toHaveLength(3);
  });

  it('gives way when it is throttled, as long as it is asked to', async () => {
    const throttled = { status: 429, ...refusal('Rate exceeded', 'ThrottlingException') };
    const { session, pauses } = service(
      throttled,
      { ...throttled, headers: { 'retry-after': '5' } },
      throttled,
    );
    await expect(session).rejects.toThrow(failure('DA_THROTTLED'));
    expect(pauses).toEqual([1500, 5000]);
  });

  it.each([
    ['DA_CERTIFICATE_UNTRUSTED', refusal('Untrusted signing certificate')],
    ['DA_CERTIFICATE_UNTRUSTED', refusal('Certificate revoked')],
    ['DA_ROLE_SESSION_NAME', refusal('Not authorized to set roleSessionName.')],
    ['DA_ROLE_DENIED', refusal('Unable to assume role for arn:aws:iam::1:role/x')],
    [
      'DA_CERTIFICATE_ATTRIBUTES',
      refusal('Some attributes failed to be mapped into session tags. Issuer: CN=…'),
    ],
    ['DA_ACCESS_DENIED', refusal('Something new')],
    ['DA_SIGNATURE', refusal('Signature mismatch', 'InvalidSignatureException')],
    ['DA_ANYWHERE_NOT_FOUND', { status: 404, ...refusal('x', 'ResourceNotFoundException') }],
    ['DA_SERVICE_ERROR', { status: 400, ...refusal('x', 'ValidationException') }],
    ['DA_SERVICE_ERROR', { status: 418, ...refusal('x', 'aws.x#NewException') }],
    ['DA_SERVICE_ERROR', { status: 403, body: '<html>Log in to the network</html>' }],
    ['DA_CERTIFICATE_UNFIT', { status: 431 }],
    ['DA_SERVICE_ERROR', { status: 302, headers: { location: 'https://elsewhere.invalid' } }],
    [
      'DA_CLOCK_SKEW',
      {
        ...refusal('Something new'),
        headers: { date: 'Thu, 29 Feb 2024 13:34:56 GMT', 'x-amzn-errortype': 'AccessDenied' },
      },
    ],
  ])('is refused with %s, and not tried again: %#', async (code, answer) => {
    const { session, posts } = service(answer);
    await expect(session).rejects.toThrow(failure(code));
    expect(posts).toHaveLength(1);
  });

  it.each(SAMPLE.error_examples.map((example) => [example.status, example] as const))(
    'tells the recorded refusal of HTTP %s with its words',
    async (_status, { status, headers, body }) => {
      const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
      const answer = {
        status,
        headers: Object.fromEntries(lower) as Record<string, string>,
        body: JSON.stringify(body),
      };
      const { message } = body as { message: string };
      await expect(service(answer).session).rejects.toThrow(message);
    },
  );

  it.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['no set', '{"credentialSet":[]}'],
    ['a set that is none', '{"credentialSet":{"0":{}}}'],
    ['empty keys', JSON.stringify(SAMPLE.body).replace('ASIAEXAMPLEEXAMPLE00', '')],
    ['a line break', JSON.stringify(SAMPLE.body).replace('ASIAEXAMPLE', 'ASIA\\n[default]')],
    ['no end', JSON.stringify(SAMPLE.body).replace('2024-02-29T13', 'tomorrow')],
  ])('takes nothing from an answer with %s', async (_what, body) => {
    await expect(service({ status: 200, body }).session).rejects.toThrow(
      failure('DA_SERVICE_ERROR'),
    );
  });

  it('does not hand out what has ended', async () => {
    const body = JSON.stringify(SAMPLE.body).replace('2024-02-29T13', '2024-02-29T11');
    const ended = service({ status: 201, body });
    await expect(ended.session).rejects.toThrow(failure('DA_CLOCK_SKEW'));
  });

  it('shows no control characters of a peer', async () => {
    const { session } = service(refusal('\u001b[2JUntrusted signing certificate'));
    const error = await session.catch((caught: unknown) => caught as Error);
    expect((error as Error).message).toMatch(/: \?\[2JUntrusted/);
  });
});
