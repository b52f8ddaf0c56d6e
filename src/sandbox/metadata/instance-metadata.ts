import { randomBytes } from 'node:crypto';
import type { Ec2Instance, SandboxAccount } from '../account.ts';
import type { CredentialStore, TemporaryCredentials } from '../credential-store.ts';
import { trustsService } from '../iam/service-trust.ts';
import type { IamRole } from '../iam/entities.ts';
import { isoSeconds } from '../services/iso-seconds.ts';

export interface InstanceMetadataOptions {
  account: SandboxAccount;
  credentials: CredentialStore;
  instance: Ec2Instance;
  now: () => number;
}

export interface MetadataReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface MetadataCall {
  method: string;
  /** Path and query. */
  target: string;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

const TTL = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN = 'x-aws-ec2-metadata-token';
const MAX_TTL_S = 21_600;
/** Of an instance's credentials; others are there before they end. */
const LIFE_S = 6 * 3600;
const RENEWED_BEFORE_MS = 5 * 60_000;

/**
 * The metadata service of one EC2 instance with HttpTokens=required, as AWS documents it ("Use the
 * Instance Metadata Service"): a token first, then what is asked for with it.
 */
export class InstanceMetadata {
  readonly #options: InstanceMetadataOptions;
  /** Token → its end. */
  readonly #tokens = new Map<string, number>();
  #issued: { role: IamRole; atMs: number; credentials: TemporaryCredentials } | undefined;
  /** False: HttpEndpoint=disabled. */
  isEnabled = true;

  constructor(options: InstanceMetadataOptions) {
    this.#options = options;
  }

  answer({ method, target, headers }: MetadataCall): MetadataReply {
    if (!this.isEnabled) return reply(403, 'Forbidden');
    // What is printed to be exported ends with a slash, and paths begin with one.
    const path = (target.split('?')[0] ?? '').replace(/^\/+/, '/');
    if (path === '/latest/api/token') {
      return method === 'PUT' ? this.#newToken(headers) : reply(405, 'Method Not Allowed');
    }
    const token = headers[TOKEN];
    const endMs = typeof token === 'string' ? this.#tokens.get(token) : undefined;
    const leftMs = (endMs ?? 0) - this.#options.now();
    if (leftMs <= 0) return reply(401, 'Unauthorized');
    if (method !== 'GET' && method !== 'HEAD') return reply(405, 'Method Not Allowed');
    const body = this.#read(path);
    const given = body === undefined ? reply(404, 'Not Found') : reply(200, body);
    given.headers[TTL] = String(Math.ceil(leftMs / 1000));
    return given;
  }

  /** What goes through a proxy is not the instance's own. */
  #newToken(headers: MetadataCall['headers']): MetadataReply {
    if (headers['x-forwarded-for'] !== undefined) return reply(403, 'Forbidden');
    const ttl = headers[TTL];
    const seconds = typeof ttl === 'string' && /^\d{1,5}$/.test(ttl) ? Number(ttl) : 0;
    if (seconds < 1 || seconds > MAX_TTL_S) return reply(400, 'Bad Request');
    const nowMs = this.#options.now();
    for (const [each, endMs] of this.#tokens) if (endMs <= nowMs) this.#tokens.delete(each);
    const token = randomBytes(42).toString('base64');
    this.#tokens.set(token, nowMs + seconds * 1000);
    const given = reply(200, token);
    given.headers[TTL] = String(seconds);
    return given;
  }

  #read(path: string): string | undefined {
    const { account, instance } = this.#options;
    const role = this.#role();
    const credentialsPath = '/latest/meta-data/iam/security-credentials';
    switch (path) {
      case '/latest/meta-data/instance-id':
        return instance.instanceId;
      case '/latest/meta-data/local-ipv4':
        return instance.privateIpAddress;
      case '/latest/meta-data/placement/region':
        return instance.region;
      case '/latest/meta-data/placement/availability-zone':
        return instance.availabilityZone;
      case '/latest/meta-data/iam/info':
        return instance.instanceProfile && json(this.#profileInfo(instance.instanceProfile));
      case credentialsPath:
      case `${credentialsPath}/`:
        return role?.roleName;
      case `${credentialsPath}/${role?.roleName ?? ''}`:
        return role && json(this.#credentials(role));
      case '/latest/dynamic/instance-identity/document':
        return json({
          accountId: account.accountId,
          architecture: 'x86_64',
          availabilityZone: instance.availabilityZone,
          imageId: instance.imageId,
          instanceId: instance.instanceId,
          instanceType: instance.instanceType,
          pendingTime: isoSeconds(instance.launchTimeMs),
          privateIp: instance.privateIpAddress,
          region: instance.region,
          version: '2017-09-30',
        });
      default:
        return undefined;
    }
  }

  /** That of its instance profile, as long as it trusts EC2. */
  #role(): IamRole | undefined {
    const { account, instance } = this.#options;
    const role = account.roles.find(
      ({ roleName }) => roleName === instance.instanceProfile?.roleName,
    );
    const isTrusting =
      role !== undefined && trustsService(role, 'ec2.amazonaws.com', ['sts:AssumeRole'], {});
    return isTrusting ? role : undefined;
  }

  #profileInfo({ arn, id }: NonNullable<Ec2Instance['instanceProfile']>): object {
    return {
      Code: 'Success',
      LastUpdated: isoSeconds(this.#options.now()),
      InstanceProfileArn: arn,
      InstanceProfileId: id,
    };
  }

  #credentials(role: IamRole): object {
    const { account, credentials: store, instance, now } = this.#options;
    const dueMs = (this.#issued?.credentials.expiresAtMs ?? 0) - RENEWED_BEFORE_MS;
    if (this.#issued?.role !== role || now() >= dueMs) {
      const { accountId } = account;
      const caller = {
        arn: `arn:aws:sts::${accountId}:assumed-role/${role.roleName}/${instance.instanceId}`,
        userId: `${role.roleId}:${instance.instanceId}`,
        accountId,
        name: instance.instanceId,
        kind: 'role-session' as const,
        mfaAuthenticated: false,
        roleArn: role.arn,
      };
      this.#issued = { role, atMs: now(), credentials: store.issue(caller, LIFE_S) };
    }
    const { atMs, credentials } = this.#issued;
    return {
      Code: 'Success',
      LastUpdated: isoSeconds(atMs),
      Type: 'AWS-HMAC',
      AccessKeyId: credentials.accessKeyId,
      SecretAccessKey: credentials.secretAccessKey,
      Token: credentials.sessionToken,
      Expiration: isoSeconds(credentials.expiresAtMs),
    };
  }
}

function json(value: object): string {
  return JSON.stringify(value, null, 2);
}

function reply(status: number, body: string): MetadataReply {
  return { status, headers: { 'content-type': 'text/plain' }, body };
}
