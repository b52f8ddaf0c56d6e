import { accessPolicy } from '../policy/access-policy.ts';
import type { AccessRequest } from '../policy/access-request.ts';
import { FEATURE_DOCUMENTS, USER_FEATURES } from '../policy/features.ts';
import type { Feature } from '../policy/features.ts';
import { OPTIONAL_STATEMENTS } from '../policy/policy-document.ts';
import type { PolicyStatement } from '../policy/policy-document.ts';

/** A call that a feature makes, and the statement that the generator would allow it with. */
export interface FeatureCall {
  feature: Feature;
  action: string;
  /** Concrete ARNs, or `*`: to be allowed on one of them is enough. */
  resources: readonly string[];
  statement: PolicyStatement;
  /** What it is for, where it is missing. */
  without: string;
  /** It has to work with MFA only: what changes a device that is there. */
  isWithMfaOnly: boolean;
}

/** Whom the calls are made by. */
export interface Caller {
  /** Name of the user, or of the role's session. */
  name: string;
  /** `aws:userid` */
  userId: string;
}

/** A node that no policy can have meant by name. */
const ANY_NODE = 'i-0f0f0f0f0f0f0f0f0';
const ANY_SESSION = '0f0f0f0f0f0f0f0f0';

/**
 * Every call that a feature needs, from the statements that `devaccess iam policy` writes for it: each of
 * their actions on one resource of each kind.
 */
export function featureCalls(
  feature: Feature,
  request: AccessRequest,
  caller: Caller,
): FeatureCall[] {
  if (request.kind === 'role' && USER_FEATURES.includes(feature)) return [];
  const own = {
    ...request,
    features: new Set([feature]),
    documents: documentsOf(feature, request),
  };
  const calls = accessPolicy(own).permissions.flatMap(({ statement, without }) => {
    // Guards let nothing work.
    if (statement.Effect === 'Deny' || OPTIONAL_STATEMENTS.has(statement.Sid)) return [];
    // KMS encrypts shells and commands.
    if (statement.Sid === 'SessionKeys' && !['shell', 'run'].includes(feature)) return [];
    const isWithMfaOnly = statement.Sid === 'OwnDevice';
    return listOf(statement.Action).flatMap((action) =>
      resourcesOf(statement, action, request, caller).map((resources): FeatureCall => ({
        feature,
        action,
        resources,
        statement,
        without,
        isWithMfaOnly,
      })),
    );
  });
  // Nodes by tag and nodes by name are the same calls.
  const distinct = new Map(
    calls.map((call) => [`${call.action} ${call.resources.join(' ')}`, call]),
  );
  return [...distinct.values()];
}

/** Each feature starts sessions with its own document alone. */
function documentsOf(feature: Feature, { documents }: AccessRequest): AccessRequest['documents'] {
  const wanted = FEATURE_DOCUMENTS[feature];
  return wanted === undefined ? [] : documents.filter(({ name }) => name === wanted);
}

function resourcesOf(
  { Resource = '*', Sid }: PolicyStatement,
  action: string,
  { nodes, place }: AccessRequest,
  { name, userId }: Caller,
): string[][] {
  const arns = listOf(Resource).map((arn) =>
    arn.replaceAll('${aws:username}', name).replace(/creds\/\*$/, `creds/m${ANY_NODE}/any`),
  );
  if (/(Tagged|Named|All)Nodes$/.test(Sid)) {
    const isHybrid = Sid.startsWith('RotateOn');
    const named = nodes.targets.filter((id) => !isHybrid || id.startsWith('mi-'));
    const ids = named.length > 0 ? named : [isHybrid ? `m${ANY_NODE}` : ANY_NODE];
    return place.regions.flatMap((region) => ids.map((id) => [nodeArn(id, region, place)]));
  }
  if (/^Own(DataChannel|Sessions)$/.test(Sid)) {
    // Reports differ, and so do policies, which of the two ids of sessions begin with.
    return place.regions.map((region) =>
      [name, userId].map((owner) => arnOf('ssm', region, `session/${owner}-${ANY_SESSION}`, place)),
    );
  }
  // Of a user and a device of theirs, each call knows one.
  const isOfUser = arns.some((arn) => arn.includes(':mfa/'));
  const own = arns.filter((arn) => arn.includes(':mfa/') === action.includes('Virtual'));
  return (isOfUser ? own : arns).map((arn) => [arn]);
}

type Place = AccessRequest['place'];

function nodeArn(id: string, region: string, place: Place): string {
  return id.startsWith('mi-')
    ? arnOf('ssm', region, `managed-instance/${id}`, place)
    : arnOf('ec2', region, `instance/${id}`, place);
}

function arnOf(service: string, region: string, name: string, place: Place): string {
  return `arn:${place.partition}:${service}:${region}:${place.account}:${name}`;
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}
