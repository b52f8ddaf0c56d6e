import { resolve } from 'node:path';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { expandHome } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { sessionArns } from './arns.ts';
import type { SessionArns } from './arns.ts';
import type { IdentityFiles } from './identity.ts';
import { notSupportedYet } from './key-store.ts';
import { isPkcs11Uri, parsePkcs11Uri } from './pkcs11/pkcs11-uri.ts';
import { tokenAccess } from './pkcs11/token-access.ts';
import type { TokenAccess } from './pkcs11/token-access.ts';
import { refuseContradictions } from './options.ts';
import type { GivenCredentials, GivenIdentity } from './options.ts';
import { serviceEndpoint } from './service-endpoint.ts';

const DEFAULT_DURATION_S = 3600;
const DURATION_S = { min: 900, max: 43_200 } as const;
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/;

/** Where a passphrase comes from when it is not asked for. */
export interface PassphraseFlags {
  text: string | undefined;
  file: string | undefined;
}

/** Who a machine is, as its options say it. */
export interface IdentityPlan {
  files: IdentityFiles;
  passphrase: PassphraseFlags;
  token: TokenAccess;
}

/** All that decides which credentials are asked for, checked; nothing has been read yet. */
export interface SessionPlan extends IdentityPlan {
  arns: SessionArns;
  durationSeconds: number;
  roleSessionName: string | undefined;
  endpoint: URL;
  withProxy: boolean;
  isVerified: boolean;
  isDebug: boolean;
}

/**
 * @throws DevaccessError DA_USAGE naming the option; DA_KEY_STORE where a store of keys is asked for
 *   that cannot be used yet
 */
export function identityPlan(given: GivenIdentity, env: Environment): IdentityPlan {
  refuseContradictions(given);
  const path = (name: keyof GivenIdentity): string | undefined => {
    const value = text(given[name]);
    if (value === undefined || /^handle:/i.test(value)) return value;
    // A PIN that follows is not part of the name.
    return isPkcs11Uri(value) ? parsePkcs11Uri(value).text : resolve(expandHome(value, env));
  };
  const isStore =
    text(given['cert-selector']) !== undefined || text(given['system-store-name']) !== undefined;
  if (isStore) throw notSupportedYet("The operating system's certificate store");
  const certificate = path('certificate');
  if (certificate === undefined) {
    throw usage(
      'No certificate is named; one from the certificate store of the operating system is not supported yet',
      'give --certificate and --private-key',
    );
  }
  return {
    files: { certificate, privateKey: path('private-key'), intermediates: path('intermediates') },
    passphrase: { text: text(given['pkcs8-password']), file: path('pkcs8-password-file') },
    token: tokenAccess(given, env),
  };
}

/** @throws DevaccessError those of `identityPlan`, `sessionArns`, `serviceEndpoint`; DA_USAGE */
export async function sessionPlan(given: GivenCredentials, env: Environment): Promise<SessionPlan> {
  const identity = identityPlan(given, env);
  const arns = sessionArns({
    trustAnchorArn: text(given['trust-anchor-arn']),
    profileArn: text(given['profile-arn']),
    roleArn: text(given['role-arn']),
    region: text(given.region),
  });
  return {
    ...identity,
    arns,
    durationSeconds: duration(text(given['session-duration'])),
    roleSessionName: sessionName(text(given['role-session-name'])),
    endpoint: await serviceEndpoint(text(given.endpoint), arns.region, env),
    withProxy: given['with-proxy'] === true,
    isVerified: given['no-verify-ssl'] !== true,
    isDebug: given.debug === true,
  };
}

function duration(given: string | undefined): number {
  const seconds = given === undefined ? DEFAULT_DURATION_S : Number(given);
  const { min, max } = DURATION_S;
  if (Number.isInteger(seconds) && seconds >= min && seconds <= max) return seconds;
  throw usage(
    `--session-duration ${given ?? ''} is not a number of seconds`,
    `give ${min} to ${max}`,
  );
}

function sessionName(given: string | undefined): string | undefined {
  if (given === undefined || SESSION_NAME.test(given)) return given;
  throw usage(
    `'${given}' is not a role session name`,
    'give 2 to 64 letters, digits or + = , . @ _ -',
  );
}

/** An empty value counts as none, as in aws_signing_helper. */
function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
