import type { SandboxAccount } from '../account.ts';
import type { CallerIdentity } from '../caller.ts';
import type { CredentialStore, TemporaryCredentials } from '../credential-store.ts';
import type { AccessControl } from '../iam/access-control.ts';
import type { QueryInput } from '../http/query-input.ts';
import type { XmlValue } from '../http/xml.ts';
import { ServiceError } from '../service-error.ts';
import type { TotpVerifier } from '../totp.ts';
import { isoSeconds } from './iso-seconds.ts';

const SERIAL_RULE = { min: 9, max: 256, pattern: /^[\w+=/:,.@-]*$/ } as const;
const CODE_RULE = { min: 6, max: 6, pattern: /^\d*$/ } as const;

export interface StsOptions {
  account: SandboxAccount;
  access: AccessControl;
  credentials: CredentialStore;
  totp: TotpVerifier;
}

export interface GivenCode {
  serialNumber: string | undefined;
  tokenCode: string | undefined;
}

export function readCode(input: QueryInput): GivenCode {
  return {
    serialNumber: input.text('SerialNumber', SERIAL_RULE),
    tokenCode: input.text('TokenCode', CODE_RULE),
  };
}

/** False when no code was given; throws unless a given one is right. Spends the code. */
export function redeemCode(
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

export function denied(message: string): ServiceError {
  return new ServiceError('AccessDenied', message, 403);
}

export function credentialElements(credentials: TemporaryCredentials): XmlValue {
  return {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    SessionToken: credentials.sessionToken,
    Expiration: isoSeconds(credentials.expiresAtMs),
  };
}
