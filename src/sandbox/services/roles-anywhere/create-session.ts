import { createHash } from 'node:crypto';
import type { SandboxAccount } from '../../account.ts';
import type { CredentialStore } from '../../credential-store.ts';
import type { IamRole } from '../../iam/entities.ts';
import { trustsService } from '../../iam/service-trust.ts';
import { tagEntries } from '../../iam-policy/request-context.ts';
import type { ContextValue } from '../../iam-policy/request-context.ts';
import { JsonInput } from '../../http/json-input.ts';
import { splitTarget } from '../../http/message.ts';
import type { RawRequest } from '../../http/message.ts';
import { jsonBody } from '../../http/rest-json-protocol.ts';
import type {
  AnywhereProfile,
  AnywhereRegistry,
  TrustAnchor,
} from '../../roles-anywhere/anywhere-registry.ts';
import { pathFault } from '../../roles-anywhere/certificate-path.ts';
import { verifyCertificateSignature } from '../../roles-anywhere/certificate-signature.ts';
import { certificateTags } from '../../roles-anywhere/certificate-tags.ts';
import type { PresentedCertificate } from '../../roles-anywhere/presented-certificate.ts';
import { ServiceError } from '../../service-error.ts';
import { isoSeconds } from '../iso-seconds.ts';

export interface CreateSessionOptions {
  account: SandboxAccount;
  credentials: CredentialStore;
  registry: AnywhereRegistry;
  now: () => number;
}

const DURATION_S = { min: 900, max: 43_200 } as const;
const SESSION_NAME = { min: 2, max: 64, pattern: /^[\w+=,.@-]*$/ } as const;
const ARN = { min: 1, max: 1011 } as const;
/** Requests a second that an account has. */
const RATE = 10;
const SERVICE = 'rolesanywhere.amazonaws.com';
/** What a trust policy must allow the service. */
const ACTIONS = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'];

/** Credentials of a role for a machine that proves who it is with a certificate. */
export class CreateSession {
  readonly #options: CreateSessionOptions;
  #allowance = RATE;
  #countedAtMs = -Infinity;

  constructor(options: CreateSessionOptions) {
    this.#options = options;
  }

  /** @throws ServiceError */
  answer(request: RawRequest): Record<string, unknown> {
    const { now, registry } = this.#options;
    this.#count(now());
    if (request.method !== 'POST') throw new ServiceError('UnknownOperationException', '', 404);
    const { leaf, intermediates, region } = verifyCertificateSignature(request, now());
    const asked = readInput(request);
    const anchor = enabledOne(
      [...registry.trustAnchors.values()].find(
        (each) => each.trustAnchorArn === asked.trustAnchorArn && each.region === region,
      ),
      'Trust anchor',
    );
    const profile = enabledOne(
      [...registry.profiles.values()].find(
        (each) => each.profileArn === asked.profileArn && each.region === region,
      ),
      'Profile',
    );
    const fault = pathFault(leaf, intermediates, anchor.certificates, now());
    if (fault !== undefined) throw denied(fault);
    if (asked.roleSessionName !== undefined && !profile.acceptRoleSessionName) {
      throw denied('Not authorized to set roleSessionName.');
    }
    const role = this.#assumable(asked.roleArn, profile, {
      'aws:SourceArn': anchor.trustAnchorArn,
      'aws:SourceAccount': this.#options.account.accountId,
      ...tagEntries('aws:PrincipalTag/', certificateTags(leaf)),
    });
    const seconds = Math.min(
      asked.durationSeconds ?? profile.durationSeconds,
      profile.durationSeconds,
      role.maxSessionDurationS,
    );
    return this.#session(role, asked.roleSessionName ?? leaf.serialHex, seconds, leaf);
  }

  /** The account's pace, as a bucket of one second. */
  #count(nowMs: number): void {
    const passedS = Math.max(0, nowMs - this.#countedAtMs) / 1000;
    this.#allowance = Math.min(RATE, this.#allowance + passedS * RATE);
    this.#countedAtMs = nowMs;
    if (this.#allowance < 1) throw new ServiceError('ThrottlingException', 'Rate exceeded', 429);
    this.#allowance -= 1;
  }

  #assumable(
    roleArn: string,
    profile: AnywhereProfile,
    context: Readonly<Record<string, ContextValue>>,
  ): IamRole {
    const role = this.#options.account.roles.find(({ arn }) => arn === roleArn);
    const isTrusting = role !== undefined && trustsService(role, SERVICE, ACTIONS, context);
    if (isTrusting && profile.roleArns.includes(roleArn)) return role;
    throw denied(`Unable to assume role for ${roleArn}`);
  }

  #session(
    role: IamRole,
    sessionName: string,
    seconds: number,
    leaf: PresentedCertificate,
  ): Record<string, unknown> {
    const { account, credentials } = this.#options;
    const assumed = {
      arn: `arn:aws:sts::${account.accountId}:assumed-role/${role.roleName}/${sessionName}`,
      userId: `${role.roleId}:${sessionName}`,
    };
    const issued = credentials.issue(
      {
        ...assumed,
        accountId: account.accountId,
        name: sessionName,
        kind: 'role-session',
        mfaAuthenticated: false,
        roleArn: role.arn,
        sessionTags: certificateTags(leaf),
      },
      seconds,
    );
    const commonName = /^CN=.*$/m.exec(leaf.x509.subject)?.[0];
    return {
      credentialSet: [
        {
          assumedRoleUser: { arn: assumed.arn, assumedRoleId: assumed.userId },
          credentials: {
            accessKeyId: issued.accessKeyId,
            secretAccessKey: issued.secretAccessKey,
            sessionToken: issued.sessionToken,
            expiration: isoSeconds(issued.expiresAtMs),
          },
          packedPolicySize: 10,
          roleArn: role.arn,
          sourceIdentity: commonName,
        },
      ],
      subjectArn: `arn:aws:rolesanywhere:${account.region}:${account.accountId}:subject/${subjectId(leaf)}`,
    };
  }
}

/** Parameters may be in the query or in the body. */
function readInput(request: RawRequest) {
  const query = Object.fromEntries(splitTarget(request.target).query);
  const input = new JsonInput({ ...query, ...jsonBody(request) });
  const asked = {
    trustAnchorArn: input.requiredText('trustAnchorArn', ARN),
    profileArn: input.requiredText('profileArn', ARN),
    roleArn: input.requiredText('roleArn', ARN),
    durationSeconds: input.integer('durationSeconds', DURATION_S),
    roleSessionName: input.text('roleSessionName', SESSION_NAME),
  };
  input.check();
  return asked;
}

function enabledOne<Kind extends TrustAnchor | AnywhereProfile>(
  found: Kind | undefined,
  kind: string,
): Kind {
  if (found === undefined) {
    throw new ServiceError('ResourceNotFoundException', `${kind} not found`, 404);
  }
  if (!found.enabled) throw denied(`${kind} is disabled`);
  return found;
}

/** The same for every certificate of a subject. */
function subjectId({ x509 }: PresentedCertificate): string {
  const hex = createHash('sha256').update(x509.subject).digest('hex');
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function denied(message: string): ServiceError {
  return new ServiceError('AccessDeniedException', message, 403);
}
