import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, it } from 'vitest';
import { CredentialStore } from '../../../../src/sandbox/credential-store.ts';
import type { RawRequest } from '../../../../src/sandbox/http/message.ts';
import { SignatureVerifier } from '../../../../src/sandbox/http/signature.ts';
import { seedAccount } from '../../../../src/sandbox/seed.ts';

/** The client's signer is another implementation: what it signs must be accepted. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash('sha256')
        : createHmac(
            'sha256',
            typeof secret === 'string' ? secret : Buffer.from(secret as Uint8Array),
          );
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new Error('not used');
  }
}

interface SignOptions {
  service?: string;
  region?: string;
  atMs?: number;
  accessKeyId?: string;
  secretAccessKey?: string;
  sessionToken?: string;
  body?: string;
}

const START_MS = Date.UTC(2026, 0, 15, 12);

function setup() {
  const clock = { nowMs: START_MS };
  const now = (): number => clock.nowMs;
  const account = seedAccount({ nowMs: START_MS });
  const credentials = new CredentialStore(account, { now });
  const verifier = new SignatureVerifier({ credentials, now });
  const user = account.users[0]!;
  const key = user.accessKeys[0]!;

  const signer = (options: SignOptions): SignatureV4 =>
    new SignatureV4({
      service: options.service ?? 'ssm',
      region: options.region ?? 'us-east-1',
      sha256: Sha256,
      credentials: {
        accessKeyId: options.accessKeyId ?? key.accessKeyId,
        secretAccessKey: options.secretAccessKey ?? key.secretAccessKey,
        ...(options.sessionToken === undefined ? {} : { sessionToken: options.sessionToken }),
      },
    });
  const unsigned = {
    method: 'POST',
    protocol: 'http:',
    hostname: '127.0.0.1',
    path: '/',
    query: { 'odd key': ['b', "a'*"] },
    headers: {
      host: '127.0.0.1:4566',
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AmazonSSM.StartSession',
    },
    body: '{"Target":"i-1"}',
  };
  const sign = async (options: SignOptions = {}): Promise<RawRequest> => {
    const signingDate = new Date(options.atMs ?? clock.nowMs);
    const request = { ...unsigned, body: options.body ?? unsigned.body };
    return raw(await signer(options).sign(request, { signingDate }));
  };
  const presign = async (expiresIn: number): Promise<RawRequest> => {
    const get = {
      ...unsigned,
      method: 'GET',
      body: undefined,
      headers: { host: unsigned.headers.host },
    };
    const signingDate = new Date(clock.nowMs);
    return raw(await signer({}).presign(get, { signingDate, expiresIn }));
  };
  const issue = (lifetimeS: number) =>
    credentials.issue(
      {
        accountId: account.accountId,
        arn: user.arn,
        userId: user.userId,
        name: user.userName,
        kind: 'user-session',
        mfaAuthenticated: true,
        user,
      },
      lifetimeS,
    );
  return { clock, verifier, user, key, sign, presign, issue };
}

interface Signed {
  method: string;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: unknown;
}

function raw({ method, path, query = {}, headers, body }: Signed): RawRequest {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values]
      .flat()
      .map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value ?? '')}`),
  );
  return {
    method,
    target: `${path}?${pairs.join('&')}`,
    headers: new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value]])),
    body: Buffer.from(typeof body === 'string' ? body : ''),
  };
}

function withHeader(request: RawRequest, name: string, value: string | undefined): RawRequest {
  const headers = new Map(request.headers);
  if (value === undefined) headers.delete(name);
  else headers.set(name, [value]);
  return { ...request, headers };
}

const refused = (reason: string) =>
  expect.objectContaining({
    state: 'refused',
    fault: expect.objectContaining({ reason }) as unknown,
  }) as unknown;

describe('signature verification', () => {
  it('accepts what another implementation signed and names the caller', async () => {
    const { verifier, sign, user, key } = setup();
    expect(verifier.verify(await sign(), ['ssm'])).toEqual({
      state: 'verified',
      scope: { date: '20260115', region: 'us-east-1', service: 'ssm' },
      caller: expect.objectContaining({
        arn: user.arn,
        accessKeyId: key.accessKeyId,
        kind: 'user',
        mfaAuthenticated: false,
      }) as unknown,
    });
  });

  it.each<[string, (request: RawRequest) => RawRequest]>([
    ['body', (request) => ({ ...request, body: Buffer.from('{"Target":"i-2"}') })],
    ['method', (request) => ({ ...request, method: 'PUT' })],
    ['path', (request) => ({ ...request, target: `/other${request.target.slice(1)}` })],
    ['query', (request) => ({ ...request, target: `${request.target}&more=1` })],
    ['host', (request) => withHeader(request, 'host', 'elsewhere')],
    ['signed header', (request) => withHeader(request, 'x-amz-target', 'AmazonSSM.Other')],
    ['added x-amz header', (request) => withHeader(request, 'x-amz-extra', '1')],
    [
      'signature',
      (request) =>
        withHeader(
          request,
          'authorization',
          request.headers.get('authorization')![0]!.replace(/Signature=.{4}/, 'Signature=0000'),
        ),
    ],
    [
      'signature of another length',
      (request) =>
        withHeader(request, 'authorization', `${request.headers.get('authorization')![0]!}0`),
    ],
  ])('refuses a changed %s', async (_name, change) => {
    const { verifier, sign } = setup();
    expect(verifier.verify(change(await sign()), ['ssm'])).toEqual(refused('mismatch'));
  });

  it('refuses a signature that does not cover the host', async () => {
    const { verifier, sign } = setup();
    const request = await sign();
    const loose = request.headers.get('authorization')![0]!.replace('host;', '');
    expect(verifier.verify(withHeader(request, 'authorization', loose), ['ssm'])).toEqual(
      refused('mismatch'),
    );
  });

  it('refuses a wrong secret, an unknown key, a session token on a long-term key', async () => {
    const { verifier, sign } = setup();
    const outcome = async (options: SignOptions): Promise<unknown> =>
      verifier.verify(await sign(options), ['ssm']);
    expect(await outcome({ secretAccessKey: 'wrong' })).toEqual(refused('mismatch'));
    expect(await outcome({ accessKeyId: 'AKIAAAAAAAAAAAAAAAAA' })).toEqual(refused('unknown-key'));
    expect(await outcome({ sessionToken: 'stray' })).toEqual(refused('unknown-key'));
  });

  it('refuses another service and a region that cannot be', async () => {
    const { verifier, sign } = setup();
    expect(verifier.verify(await sign({ service: 'ec2' }), ['ssm'])).toEqual(
      refused('wrong-scope'),
    );
    expect(verifier.verify(await sign({ region: 'nowhere' }), ['ssm'])).toEqual(
      refused('wrong-scope'),
    );
  });

  it('allows five minutes of clock skew each way and no more', async () => {
    const { verifier, sign } = setup();
    const at = async (offsetMs: number) =>
      verifier.verify(await sign({ atMs: START_MS + offsetMs }), ['ssm']);
    expect(await at(-300_000)).toMatchObject({ state: 'verified' });
    expect(await at(300_000)).toMatchObject({ state: 'verified' });
    expect(await at(-301_000)).toEqual(refused('not-current'));
    expect(await at(301_000)).toEqual(refused('not-current'));
  });

  it('holds temporary keys to their token and their expiry', async () => {
    const { clock, verifier, sign, issue } = setup();
    const credentials = issue(900);
    const verify = async (options: SignOptions): Promise<unknown> =>
      verifier.verify(await sign({ ...credentials, ...options }), ['ssm']);
    expect(await verify({})).toMatchObject({
      state: 'verified',
      caller: {
        kind: 'user-session',
        mfaAuthenticated: true,
        accessKeyId: credentials.accessKeyId,
      },
    });
    expect(await verify({ sessionToken: 'other' })).toEqual(refused('unknown-key'));
    clock.nowMs += 899_999;
    expect(await verify({})).toMatchObject({ state: 'verified' });
    clock.nowMs += 1;
    expect(await verify({})).toEqual(refused('expired-token'));
  });

  it('refuses a scope of another day than the timestamp', async () => {
    const { verifier, sign } = setup();
    const request = await sign();
    const yesterday = request.headers.get('authorization')![0]!.replace('/20260115/', '/20260114/');
    expect(verifier.verify(withHeader(request, 'authorization', yesterday), ['ssm'])).toEqual({
      state: 'refused',
      fault: {
        reason: 'incomplete',
        detail: 'Date in Credential scope does not match YYYYMMDD from ISO-8601 version.',
      },
    });
  });

  it('accepts the presigned form until it expires', async () => {
    const { clock, verifier, presign } = setup();
    const request = await presign(60);
    expect(verifier.verify(request, ['ssm'])).toMatchObject({ state: 'verified' });
    const longer = { ...request, target: request.target.replace('Expires=60', 'Expires=61') };
    expect(verifier.verify(longer, ['ssm'])).toEqual(refused('mismatch'));
    clock.nowMs += 61_000;
    expect(verifier.verify(request, ['ssm'])).toEqual(refused('not-current'));
  });

  it.each([
    ['another algorithm', 'AWS4-ECDSA-P256-SHA256 Credential=a'],
    ['nothing behind the algorithm', 'AWS4-HMAC-SHA256'],
    ['a short credential', 'AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0'],
    [
      'a date that is none',
      'AWS4-HMAC-SHA256 Credential=A/20260230/us-east-1/ssm/aws4_request,SignedHeaders=host,Signature=0',
    ],
    ['basic authentication', 'Basic YWxpY2U6YQ=='],
    ['noise', '\u00ff=,=,=/ ///'],
  ])('calls %s incomplete', async (_name, authorization) => {
    const { verifier, sign } = setup();
    const dated = withHeader(await sign(), 'x-amz-date', '20260230T000000Z');
    expect(verifier.verify(withHeader(dated, 'authorization', authorization), ['ssm'])).toEqual(
      refused('incomplete'),
    );
  });

  it('tells an unsigned request from a signed one', async () => {
    const { verifier, sign } = setup();
    const request = { ...(await sign()), target: '/' };
    expect(verifier.verify(withHeader(request, 'authorization', undefined), ['ssm'])).toEqual({
      state: 'absent',
    });
  });

  it('judges a WebSocket upgrade', async () => {
    const { verifier, sign, user } = setup();
    const upgrade = (request: RawRequest): IncomingMessage =>
      ({
        method: request.method,
        url: request.target,
        rawHeaders: [...request.headers].flatMap(([name, values]) => [name, values[0] ?? '']),
      }) as unknown as IncomingMessage;
    const signed = await sign({ service: 'ssmmessages', body: '' });
    expect(verifier.verifyUpgrade(upgrade(signed))).toEqual({
      identity: expect.objectContaining({ arn: user.arn }) as unknown,
    });
    // An upgrade has no body, whatever was signed.
    expect(verifier.verifyUpgrade(upgrade(await sign({ service: 'ssmmessages' })))).toEqual({
      error: expect.stringContaining('does not match') as unknown,
    });
    expect(verifier.verifyUpgrade(upgrade(withHeader(signed, 'authorization', undefined)))).toBe(
      'absent',
    );
    expect(verifier.verifyUpgrade(upgrade(await sign({ service: 'ssm' })))).toEqual({
      error: expect.stringContaining("'ssmmessages'") as unknown,
    });
  });
});
