import type { IamRole, SandboxAccount } from '../account.ts';
import type { CallerIdentity } from '../caller.ts';
import type { CredentialStore, TemporaryCredentials } from '../credential-store.ts';
import { queryService } from '../http/query-protocol.ts';
import type { QueryOperation } from '../http/query-protocol.ts';
import type { QueryInput } from '../http/query-input.ts';
import type { HttpService } from '../http/service.ts';
import type { XmlValue } from '../http/xml.ts';
import { ServiceError } from '../service-error.ts';
import type { TotpVerifier } from '../totp.ts';

const DURATION_S = { min: 900, max: 129_600, default: 43_200 } as const;
const ROLE_DURATION_S = { min: 900, max: 43_200, default: 3600 } as const;
/** Roles assumed with temporary credentials live an hour at most (role chaining). */
const CHAINED_MAX_S = 3600;

const SERIAL_RULE = { min: 9, max: 256, pattern: /^[\w+=/:,.@-]*$/ } as const;
const EXTERNAL_ID_RULE = { min: 2, max: 1224, pattern: /^[\w+=,.@:/-]*$/ } as const;
const CODE_RULE = { min: 6, max: 6, pattern: /^\d*$/ } as const;

interface StsOptions {
  account: SandboxAccount;
  credentials: CredentialStore;
  totp: TotpVerifier;
  /** False lets every role be assumed without a one-time code. */
  requireMfa: boolean;
}

/** AWS Security Token Service, 2011-06-15. */
export function stsService(options: StsOptions): HttpService {
  return queryService({
    signingName: 'sts',
    version: '2011-06-15',
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    operations: {
      GetCallerIdentity: (_input, { caller }) => ({
        Arn: caller.arn,
        UserId: caller.userId,
        Account: caller.accountId,
      }),
      GetSessionToken: getSessionToken(options),
      AssumeRole: assumeRole(options),
    },
  });
}

function getSessionToken(options: StsOptions): QueryOperation {
  return (input, { caller }) => {
    const seconds = input.integer('DurationSeconds', DURATION_S) ?? DURATION_S.default;
    const code = readCode(input);
    input.check();
    if (caller.kind !== 'user') {
      throw denied('Cannot call GetSessionToken with session credentials');
    }
    const mfaAuthenticated = redeemCode(options, caller, code);
    const issued = options.credentials.issue(
      { ...caller, kind: 'user-session', mfaAuthenticated },
      seconds,
    );
    return { Credentials: credentialElements(issued) };
  };
}

function assumeRole(options: StsOptions): QueryOperation {
  return (input, { caller }) => {
    const roleArn = input.requiredText('RoleArn', { min: 20, max: 2048 });
    const sessionName = input.requiredText('RoleSessionName', {
      min: 2,
      max: 64,
      pattern: /^[\w+=,.@-]*$/,
    });
    const seconds = input.integer('DurationSeconds', ROLE_DURATION_S) ?? ROLE_DURATION_S.default;
    const externalId = input.text('ExternalId', EXTERNAL_ID_RULE);
    const code = readCode(input);
    input.check();
    refuseUnsupported(input, caller, roleArn);

    const role = options.account.roles.find(({ arn }) => arn === roleArn);
    const refusal = denied(
      `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
    );
    if (role === undefined || !trusts(role, caller, externalId)) throw refusal;
    // Before the code: a request that fails here has not spent it.
    checkRoleDuration(role, caller, seconds);
    const codeGiven = redeemCode(options, caller, code);
    const mfaAuthenticated = codeGiven || caller.mfaAuthenticated;
    if (options.requireMfa && role.requiresMfa && !mfaAuthenticated) throw refusal;

    const assumed = {
      accountId: caller.accountId,
      arn: `arn:aws:sts::${caller.accountId}:assumed-role/${role.roleName}/${sessionName}`,
      userId: `${role.roleId}:${sessionName}`,
    };
    const issued = options.credentials.issue(
      { ...assumed, name: sessionName, kind: 'role-session', mfaAuthenticated, roleArn },
      seconds,
    );
    return {
      Credentials: credentialElements(issued),
      AssumedRoleUser: { AssumedRoleId: assumed.userId, Arn: assumed.arn },
    };
  };
}

/** Its trust policy, but for MFA. A role that asks for no external id takes any. */
function trusts(role: IamRole, caller: CallerIdentity, externalId: string | undefined): boolean {
  const isNamed = role.trustedArns.includes(caller.roleArn ?? caller.arn);
  return isNamed && (role.externalId === undefined || role.externalId === externalId);
}

/** Over the limit is an error, never silently less. */
function checkRoleDuration(role: IamRole, caller: CallerIdentity, seconds: number): void {
  if (seconds > role.maxSessionDurationS) {
    throw new ServiceError(
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  }
  if (caller.kind !== 'user' && seconds > CHAINED_MAX_S) {
    throw new ServiceError(
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
    );
  }
}

/** What would narrow or tag the session is not evaluated here, so it is not accepted. */
function refuseUnsupported(input: QueryInput, caller: CallerIdentity, roleArn: string): void {
  if (input.has('Policy') || input.has('PolicyArns') || input.has('PolicyArns.member')) {
    throw new ServiceError(
      'ValidationError',
      'Session policies are not supported by this endpoint.',
    );
  }
  const tagging = ['Tags.member', 'TransitiveTagKeys.member'].some((name) => input.has(name));
  const identity = input.has('SourceIdentity');
  if (tagging || identity) {
    const action = tagging ? 'sts:TagSession' : 'sts:SetSourceIdentity';
    throw denied(
      `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${roleArn}`,
    );
  }
}

interface GivenCode {
  serialNumber: string | undefined;
  tokenCode: string | undefined;
}

function readCode(input: QueryInput): GivenCode {
  return {
    serialNumber: input.text('SerialNumber', SERIAL_RULE),
    tokenCode: input.text('TokenCode', CODE_RULE),
  };
}

/** False when no code was given; throws unless a given one is right. Spends the code. */
function redeemCode(
  { totp }: StsOptions,
  caller: CallerIdentity,
  { serialNumber, tokenCode }: GivenCode,
): boolean {
  if (serialNumber === undefined && tokenCode === undefined) return false;
  if (serialNumber === undefined || tokenCode === undefined) {
    throw denied(
      'MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.',
    );
  }
  const device = caller.user?.mfaDevices.find((known) => known.serialNumber === serialNumber);
  if (device === undefined) {
    throw denied(
      'MultiFactorAuthentication failed, unable to validate MFA code.  ' +
        'Please verify your MFA serial number is valid and associated with this user.',
    );
  }
  if (!totp.redeem(device, tokenCode)) {
    throw denied('MultiFactorAuthentication failed with invalid MFA one time pass code. ');
  }
  return true;
}

function denied(message: string): ServiceError {
  return new ServiceError('AccessDenied', message, 403);
}

function credentialElements(credentials: TemporaryCredentials): XmlValue {
  return {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    SessionToken: credentials.sessionToken,
    Expiration: isoSeconds(credentials.expiresAtMs),
  };
}

/** ISO-8601 without fractions, as the query services write times. */
export function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
