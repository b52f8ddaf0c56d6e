import { generateKeyPairSync, sign } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { pemBlocks } from '../../../../src/platform/pem.ts';
import { CredentialStore } from '../../../../src/sandbox/credential-store.ts';
import { collectHeaders } from '../../../../src/sandbox/http/message.ts';
import { canonicalRequest, sha256Hex } from '../../../../src/sandbox/http/sigv4.ts';
import { AccessControl } from '../../../../src/sandbox/iam/access-control.ts';
import type { IamUser } from '../../../../src/sandbox/iam/entities.ts';
import { policyOf } from '../../../../src/sandbox/iam/stored-policy.ts';
import { AnywhereRegistry } from '../../../../src/sandbox/roles-anywhere/anywhere-registry.ts';
import { SEED, seedAccount } from '../../../../src/sandbox/seed.ts';
import { rolesAnywhereService } from '../../../../src/sandbox/services/roles-anywhere/roles-anywhere.ts';
import { Authority } from '../../../integration/support/authority.ts';
import type { IssueOptions } from '../../../integration/support/authority.ts';

const root = Authority.root();
const account = seedAccount({ nowMs: Date.now() });
const roleArn = account.roles.find(({ roleName }) => roleName === SEED.machineRoleName)!.arn;

let nowMs: number;
let registry: AnywhereRegistry;
let credentials: CredentialStore;
let service: ReturnType<typeof rolesAnywhereService>;
beforeEach(() => {
  nowMs = Date.now();
  const now = (): number => nowMs;
  registry = new AnywhereRegistry(account.accountId, now);
  credentials = new CredentialStore(account, { now });
  const access = new AccessControl(account, now);
  service = rolesAnywhereService({ account, access, credentials, registry, now });
  registry.createTrustAnchor({
    region: 'us-east-1',
    name: 'a',
    x509CertificateData: root.certificate,
    enabled: true,
  });
  registry.createProfile({
    region: 'us-east-1',
    name: 'p',
    roleArns: [roleArn],
    durationSeconds: 1800,
    acceptRoleSessionName: true,
    enabled: true,
    createdBy: '',
  });
});

interface Forgery {
  issue?: IssueOptions;
  from?: Authority;
  /** What is put in the place of the right one. */
  algorithm?: string;
  serial?: string;
  unsigned?: string;
  service?: string;
  atMs?: number;
  body?: object;
  /** Changed after signing. */
  sentBody?: string;
  otherKey?: boolean;
}

/** A request by the words of AWS's documentation, not by the client's code. */
function ask(forgery: Forgery = {}) {
  const issued = (forgery.from ?? root).issue('node', { serialNumber: 0xabcn, ...forgery.issue });
  const key =
    forgery.otherKey === true
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
      : issued.privateKey;
  const timestamp = new Date(forgery.atMs ?? nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const [anchor] = registry.trustAnchors.values();
  const [profile] = registry.profiles.values();
  const body = JSON.stringify({
    trustAnchorArn: anchor!.trustAnchorArn,
    profileArn: profile!.profileArn,
    roleArn,
    ...forgery.body,
  });
  const headers = {
    Host: '127.0.0.1',
    'X-Amz-Date': timestamp,
    'X-Amz-X509': pemBlocks(issued.certificate)[0]!.der.toString('base64'),
  };
  const signed = ['host', 'x-amz-date', 'x-amz-x509'].filter((name) => name !== forgery.unsigned);
  const request = {
    method: 'POST',
    target: '/sessions',
    headers: collectHeaders(Object.entries(headers).flat()),
    body: Buffer.from(body),
  };
  const algorithm = forgery.algorithm ?? 'AWS4-X509-ECDSA-SHA256';
  const scope = `${timestamp.slice(0, 8)}/us-east-1/${forgery.service ?? 'rolesanywhere'}/aws4_request`;
  const canonical = canonicalRequest(request, signed, sha256Hex(request.body));
  const text = [algorithm, timestamp, scope, sha256Hex(canonical)].join('\n');
  const signature = sign('sha256', Buffer.from(text), key).toString('hex');
  request.headers.set('authorization', [
    `${algorithm} Credential=${forgery.serial ?? '2748'}/${scope}, SignedHeaders=${signed.join(';')}, Signature=${signature}`,
  ]);
  if (forgery.sentBody !== undefined) request.body = Buffer.from(forgery.sentBody);
  expect(service.claims(request)).toBe(true);
  const reply = service.answer(request, { state: 'absent' }, 'request-1');
  const answer = JSON.parse(reply.body) as {
    message?: string;
    credentialSet?: { credentials: Record<string, string>; assumedRoleUser: { arn: string } }[];
  };
  return { status: reply.status, code: reply.headers['x-amzn-ErrorType'], ...answer };
}

describe('CreateSession of the sandbox', () => {
  it('gives credentials of the role that the other services know', () => {
    const { status, credentialSet } = ask();
    expect(status).toBe(201);
    const { credentials: given, assumedRoleUser } = credentialSet![0]!;
    expect(assumedRoleUser.arn).toMatch(/:assumed-role\/devaccess-machine\/0abc$/);
    expect(credentials.lookup(given['accessKeyId']!, given['sessionToken'])).toMatchObject({
      state: 'found',
      caller: { kind: 'role-session', roleArn },
    });
    // Half an hour, as the profile has it.
    expect(Date.parse(given['expiration']!) - nowMs).toBeLessThanOrEqual(1_800_000);
    expect(ask({ body: { durationSeconds: 900 } }).status).toBe(201);
    const named = ask({ body: { roleSessionName: 'node-1' } }).credentialSet![0]!;
    expect(named.assumedRoleUser.arn).toMatch(/\/node-1$/);
  });

  it.each<[string, Forgery]>([
    ['another key', { otherKey: true }],
    ['a body that was changed', { sentBody: '{}' }],
    ['a serial number in hex', { serial: '0' }],
    ['the algorithm of another key', { algorithm: 'AWS4-X509-RSA-SHA256' }],
    ['a certificate that is not signed', { unsigned: 'x-amz-x509' }],
    ['a host that is not signed', { unsigned: 'host' }],
    ['another service', { service: 'sts' }],
    ['a signature of yesterday', { atMs: Date.now() - 86_400_000 }],
    ['a signature of six minutes ahead', { atMs: Date.now() + 360_000 }],
  ])('refuses %s', (_what, forgery) => {
    expect(ask(forgery)).toMatchObject({ status: 403, code: 'InvalidSignatureException' });
  });

  it.each<[RegExp, Forgery]>([
    [/^Untrusted signing certificate$/, { from: Authority.root('stranger') }],
    // The same name as the trust anchor's, and another key.
    [/^Untrusted signing certificate$/, { from: Authority.root('test root') }],
    [/^Untrusted signing certificate$/, { from: root.intermediate('middle') }],
    [/Insufficient certificate/, { issue: { purpose: 'authority' } }],
    [/expired/, { issue: { notAfterMs: Date.now() - 1000 } }],
    [/expired/, { issue: { notBeforeMs: Date.now() + 3_600_000 } }],
  ])('does not trust: %s', (message, forgery) => {
    const { status, code, message: text } = ask(forgery);
    expect({ status, code }).toEqual({ status: 403, code: 'AccessDeniedException' });
    expect(text).toMatch(message);
  });

  it('refuses what the account did not set up', () => {
    const body = { roleArn: roleArn.replace('machine', 'admin') };
    expect(ask({ body })).toMatchObject({
      status: 403,
      message: expect.stringMatching(/^Unable to assume/) as string,
    });
    const unknown = 'arn:aws:rolesanywhere:us-east-1:123456789012:profile/x';
    expect(ask({ body: { profileArn: unknown } })).toMatchObject({ status: 404 });
    expect(ask({ body: { durationSeconds: 60 } })).toMatchObject({
      status: 400,
      code: 'ValidationException',
    });
    const [profile] = registry.profiles.values();
    profile!.enabled = false;
    expect(ask()).toMatchObject({ status: 403, message: 'Profile is disabled' });
  });

  it.each<[string, object, number]>([
    [
      'this anchor',
      { ArnEquals: { 'aws:SourceArn': 'arn:aws:rolesanywhere:*:*:trust-anchor/*' } },
      201,
    ],
    [
      'another anchor',
      { ArnEquals: { 'aws:SourceArn': 'arn:aws:rolesanywhere:*:*:trust-anchor/x' } },
      403,
    ],
    ['its name', { StringEquals: { 'aws:PrincipalTag/x509Subject/CN': 'node' } }, 201],
    ['another name', { StringEquals: { 'aws:PrincipalTag/x509Subject/CN': 'other' } }, 403],
  ])('asks the trust policy, which wants %s', (_what, Condition, status) => {
    const role = account.roles.find(({ arn }) => arn === roleArn)!;
    const before = role.trustPolicy;
    const statement = {
      Effect: 'Allow',
      Principal: { Service: 'rolesanywhere.amazonaws.com' },
      Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
      Condition,
    };
    role.trustPolicy = policyOf([statement], 'trust');
    expect(ask().status).toBe(status);
    // The service tags the session as well.
    role.trustPolicy = policyOf([{ ...statement, Action: 'sts:AssumeRole' }], 'trust');
    expect(ask()).toMatchObject({ status: 403, code: 'AccessDeniedException' });
    role.trustPolicy = before;
  });

  it('is set up by those alone whom a policy lets', () => {
    const call = (user: IamUser, method: string, target: string) =>
      service.answer(
        { method, target, headers: new Map(), body: Buffer.alloc(0) },
        {
          state: 'verified',
          caller: {
            accountId: account.accountId,
            arn: user.arn,
            userId: user.userId,
            name: user.userName,
            accessKeyId: 'AKIA',
            kind: 'user',
            mfaAuthenticated: false,
            user,
          },
          scope: { date: '', region: 'us-east-1', service: 'rolesanywhere' },
        },
        'request-1',
      );
    const [alice, admin] = account.users as [IamUser, IamUser];
    const [anchor] = registry.trustAnchors.keys();
    const disable = `/trustanchor/${anchor!}/disable`;
    expect(call(alice, 'GET', '/trustanchors').status).toBe(200);
    const refused = call(alice, 'POST', disable);
    expect([refused.status, refused.body]).toEqual([
      403,
      expect.stringMatching(/rolesanywhere:DisableTrustAnchor on resource: .*trust-anchor/),
    ]);
    expect(call(admin, 'POST', disable).status).toBe(200);
    expect(ask()).toMatchObject({ status: 403, message: 'Trust anchor is disabled' });
  });

  it('takes ten requests a second of the account', () => {
    const statuses = Array.from({ length: 12 }, () => ask().status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(10);
    expect(ask()).toMatchObject({ status: 429, code: 'ThrottlingException' });
    nowMs += 1000;
    expect(ask().status).toBe(201);
  });

  it('makes a trust anchor of authorities alone', () => {
    const make = (x509CertificateData: string) => () =>
      registry.createTrustAnchor({
        region: 'us-east-1',
        name: 'b',
        x509CertificateData,
        enabled: true,
      });
    expect(make(root.issue('node').certificate)).toThrow(/Incorrect basic constraints/);
    expect(make('x')).toThrow(/Unable to parse/);
  });
});
