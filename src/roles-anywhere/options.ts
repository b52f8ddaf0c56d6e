/**
 * The options of `devaccess anywhere`: those of aws_signing_helper, spelled the same, and a few of our
 * own. One table for the fast entry and for the whole command line.
 */
import { parseArgs } from 'node:util';
import { DevaccessError, EXIT } from '../platform/errors.ts';

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly description: string;
  readonly helpValue?: string;
  /** Accepted for the sake of existing command lines, and not told of. */
  readonly isHidden?: true;
}
type OptionTable = Readonly<Record<string, OptionSpec>>;

/** Certificate and key. */
export const IDENTITY_OPTIONS = {
  certificate: {
    type: 'string',
    helpValue: 'FILE',
    description: 'certificate, PEM, or pkcs11:… for one in a token',
  },
  'private-key': {
    type: 'string',
    helpValue: 'FILE',
    description:
      'its key, PEM (PKCS#8, PKCS#1 or SEC1, encrypted or not) or pkcs11:…; else where the certificate is',
  },
  intermediates: {
    type: 'string',
    helpValue: 'FILE',
    description:
      'certificates between it and the trust anchor, PEM; else those that follow in the certificate file',
  },
  'pkcs8-password-file': {
    type: 'string',
    helpValue: 'FILE',
    description: 'file whose first line opens an encrypted key; else it is asked for',
  },
  'pkcs8-password': {
    type: 'string',
    helpValue: 'TEXT',
    description: 'the same, where every process of this computer can read it: rather use the file',
  },
  'pkcs11-lib': {
    type: 'string',
    helpValue: 'FILE',
    description: "PKCS#11 library of a token that is named with pkcs11:; else p11-kit's",
  },
  'pkcs11-pin-file': {
    type: 'string',
    helpValue: 'FILE',
    description: 'file whose first line is the PIN of the token; else it is asked for',
  },
  'reuse-pin': {
    type: 'boolean',
    description: 'give a key that wants a PIN for each signature that of the token',
  },
  'cert-selector': { type: 'string', description: 'not supported yet', isHidden: true },
  'system-store-name': { type: 'string', description: 'not supported yet', isHidden: true },
  'use-latest-expiring-certificate': {
    type: 'boolean',
    description: 'not supported yet',
    isHidden: true,
  },
  'tpm-key-password': { type: 'string', description: 'not supported yet', isHidden: true },
  'no-tpm-key-password': { type: 'boolean', description: 'not supported yet', isHidden: true },
} as const satisfies OptionTable;

/** What a session is asked for, and how. */
export const SESSION_OPTIONS = {
  'trust-anchor-arn': {
    type: 'string',
    helpValue: 'ARN',
    description: 'trust anchor that knows the authority of the certificate',
  },
  'profile-arn': { type: 'string', helpValue: 'ARN', description: 'profile that lists the role' },
  'role-arn': { type: 'string', helpValue: 'ARN', description: 'role to assume' },
  'session-duration': {
    type: 'string',
    helpValue: 'S',
    description: 'seconds the credentials last, 900 to 43200; profile and role may cut it short',
  },
  'role-session-name': {
    type: 'string',
    helpValue: 'NAME',
    description: 'name in CloudTrail, where the profile accepts one; else the serial number',
  },
  region: { type: 'string', helpValue: 'R', description: "else the trust anchor's" },
  endpoint: {
    type: 'string',
    helpValue: 'URL',
    description: "else that of AWS_ENDPOINT_URL_ROLESANYWHERE, AWS's own",
  },
  'with-proxy': {
    type: 'boolean',
    description: 'go through the proxy of HTTPS_PROXY; without it none is used',
  },
  'no-verify-ssl': {
    type: 'boolean',
    description: 'take any server for AWS: for a test, never else',
  },
  debug: {
    type: 'boolean',
    description: 'tell on stderr what is asked and answered, without secrets',
  },
} as const satisfies OptionTable;

export const CREDENTIAL_OPTIONS = { ...IDENTITY_OPTIONS, ...SESSION_OPTIONS };

type IdentityName = keyof typeof IDENTITY_OPTIONS;
type CredentialName = keyof typeof CREDENTIAL_OPTIONS;

/** Values by option; an empty one counts as not given. */
export type Given<Names extends string> = Readonly<
  Partial<Record<Names, string | boolean | undefined>>
>;
export type GivenIdentity = Given<IdentityName>;
export type GivenCredentials = Given<CredentialName>;

/** Pairs of which aws_signing_helper takes only one. */
const EXCLUSIVE: readonly (readonly [IdentityName, IdentityName])[] = [
  ['certificate', 'cert-selector'],
  ['certificate', 'system-store-name'],
  ['private-key', 'cert-selector'],
  ['private-key', 'system-store-name'],
  ['private-key', 'use-latest-expiring-certificate'],
  ['use-latest-expiring-certificate', 'intermediates'],
  ['use-latest-expiring-certificate', 'reuse-pin'],
  ['cert-selector', 'intermediates'],
  ['cert-selector', 'reuse-pin'],
  ['system-store-name', 'reuse-pin'],
  ['tpm-key-password', 'cert-selector'],
  ['tpm-key-password', 'reuse-pin'],
  ['no-tpm-key-password', 'cert-selector'],
  ['no-tpm-key-password', 'tpm-key-password'],
  ['pkcs8-password', 'tpm-key-password'],
  ['pkcs8-password', 'pkcs8-password-file'],
];

/** @throws DevaccessError DA_USAGE for two options that contradict each other */
export function refuseContradictions(given: GivenIdentity): void {
  const pair = EXCLUSIVE.find((names) => names.every((name) => isGiven(given[name])));
  if (pair === undefined) return;
  throw new DevaccessError('DA_USAGE', `--${pair[0]} and --${pair[1]} exclude each other`, {
    next: 'give one of the two',
    exitCode: EXIT.usage,
  });
}

function isGiven(value: string | boolean | undefined): boolean {
  return value !== undefined && value !== '' && value !== false;
}

/**
 * Reads a command line of these options alone, as aws_signing_helper reads it: of one given twice the
 * last counts, and a flag may have a value (`--with-proxy=false`).
 *
 * @returns undefined for anything else, which is for the whole command line to tell
 */
export function readOptions(argv: readonly string[]): GivenCredentials | undefined {
  try {
    const { values } = parseArgs({ args: plainFlags(argv), options: CREDENTIAL_OPTIONS });
    return values;
  } catch {
    return undefined;
  }
}

/**
 * `--flag=true` as `--flag`, and without `--flag=false`.
 *
 * @param others flags beside those of `CREDENTIAL_OPTIONS`
 */
export function plainFlags(argv: readonly string[], others: readonly string[] = []): string[] {
  return argv.flatMap((word) => {
    const [, name = '', value = ''] = /^--([a-z-]+)=(true|false|t|f|1|0)$/i.exec(word) ?? [];
    const isFlag =
      others.includes(name) ||
      (Object.hasOwn(CREDENTIAL_OPTIONS, name) && isBoolean(name as CredentialName));
    if (!isFlag) return [word];
    return /^[t1]/i.test(value) ? [`--${name}`] : [];
  });
}

function isBoolean(name: CredentialName): boolean {
  return CREDENTIAL_OPTIONS[name].type === 'boolean';
}
