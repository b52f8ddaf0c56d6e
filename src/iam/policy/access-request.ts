import type { Feature } from './features.ts';
import { DEFAULT_FEATURES, FEATURE_DOCUMENTS, USER_FEATURES } from './features.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import {
  documentName,
  iamName,
  kmsKeyArn,
  nodeScope,
  osUser,
  policyPlace,
  roleArn,
  trustedPrincipal,
} from './policy-scope.ts';
import type { DocumentName, NodeScope, PolicyPlace } from './policy-scope.ts';

/** What a person asks a policy for, as it was typed. */
export interface AccessWords {
  account: string;
  regions: readonly string[];
  /** For users and groups, or for a role. */
  kind: 'user' | 'role';
  name: string;
  /** Nothing asked for: the usual ones. */
  features: readonly Feature[];
  documents: readonly string[];
  tags: readonly string[];
  targets: readonly string[];
  kmsKeys: readonly string[];
  osUser: string | undefined;
  /** Who may assume the role; nobody named: the account. */
  trusted: readonly string[];
  /** Roles whose credentials `nodes rotate` brings to nodes. */
  nodeRoles?: readonly string[] | undefined;
  /** Seconds since the MFA code after which it does not count any more. */
  mfaAgeS: number;
  strict: boolean;
}

/** The same, checked: nothing in it can be more than a value in a policy. */
export interface AccessRequest {
  kind: 'user' | 'role';
  name: string;
  place: PolicyPlace;
  nodes: NodeScope;
  features: ReadonlySet<Feature>;
  documents: readonly DocumentName[];
  kmsKeys: readonly string[];
  osUser: string | undefined;
  trusted: readonly string[];
  nodeRoles: readonly string[];
  mfaAgeS: number;
  strict: boolean;
}

/** MFA sessions last 36 h at most (GetSessionToken). */
const MAX_MFA_AGE_S = 129_600;

/** @throws DevaccessError DA_USAGE */
export function accessRequest(words: AccessWords): AccessRequest {
  const place = policyPlace(words.account, words.regions);
  const isUnsaid = words.features.length === 0 && words.documents.length === 0;
  const features = new Set(isUnsaid ? DEFAULT_FEATURES : words.features);
  const ofUsers = USER_FEATURES.filter((feature) => features.has(feature));
  if (words.kind === 'role' && ofUsers.length > 0) {
    throw usage(
      `A role has no access keys and no MFA device: ${ofUsers.join(', ')}`,
      'give these to the users, with a policy of their own',
    );
  }
  if (words.mfaAgeS < 60 || words.mfaAgeS > MAX_MFA_AGE_S) {
    throw usage('--mfa-age is out of range', 'give 1m to 36h');
  }
  if (words.osUser !== undefined && !features.has('instance-connect')) {
    throw usage(
      'No policy can say which user people log in as, but for keys that are pushed',
      'give --os-user with --for instance-connect',
    );
  }
  const names = [
    ...[...features].flatMap((feature) => FEATURE_DOCUMENTS[feature] ?? []),
    ...words.documents,
  ];
  const documents = new Map(
    names.map((text) => documentName(text, place)).map((each) => [arnPart(each), each]),
  );
  return {
    kind: words.kind,
    name: iamName(words.name, words.kind === 'role' ? 64 : 128),
    place,
    nodes: nodeScope(words.tags, words.targets),
    features,
    documents: [...documents.values()],
    kmsKeys: [...new Set(words.kmsKeys)].map((text) => kmsKeyArn(text, place)),
    osUser: words.osUser === undefined ? undefined : osUser(words.osUser),
    trusted: words.trusted.map((text) => trustedPrincipal(text, place)),
    nodeRoles: [...new Set(words.nodeRoles)].map((text) => roleArn(text, place)),
    mfaAgeS: words.mfaAgeS,
    strict: words.strict,
  };
}

function arnPart({ account, name }: DocumentName): string {
  return `${account}:document/${name}`;
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
