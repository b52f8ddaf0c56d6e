import { jsonBodyInput } from '../../http/rest-json-protocol.ts';
import type { JsonInput } from '../../http/json-input.ts';
import type { RawRequest } from '../../http/message.ts';
import type {
  AnywhereProfile,
  AnywhereRegistry,
  TrustAnchor,
} from '../../roles-anywhere/anywhere-registry.ts';
import { ServiceError } from '../../service-error.ts';

const NAME_RULE = { min: 1, max: 255, pattern: /^[ a-zA-Z0-9\-_]*$/ } as const;
const ROLE_ARN = /^arn:aws(-[^:]+)?:iam(:.*){2}(:role.*)$/;
const CERTIFICATES_MAX_CHARS = 16_000;

interface ResourceCall {
  registry: AnywhereRegistry;
  request: RawRequest;
  region: string;
  callerArn: string;
  now: () => number;
}

interface ResourceReply {
  status: number;
  body: Record<string, unknown>;
}

type ResourceOperation = (call: ResourceCall) => ResourceReply;

/** What a method and path mean. */
interface Route {
  /** The operation's name, as in IAM. */
  readonly name: string;
  /** What it is about, as ARNs end: `trust-anchor/<id>`, or `*`. */
  readonly resource: string;
  readonly run: ResourceOperation;
}

/** The operation of a method and path; undefined for none of these. */
export function resourceOperation(method: string, path: string): Route | undefined {
  const [, kind = '', id, action] = path.split('/').map(decoded);
  switch (`${method} /${kind}`) {
    case 'POST /trustanchors':
      return { name: 'CreateTrustAnchor', resource: '*', run: createTrustAnchor };
    case 'GET /trustanchors':
      return {
        name: 'ListTrustAnchors',
        resource: '*',
        run: (call) => list(call, 'trustAnchors', call.registry.trustAnchors, anchorMembers),
      };
    case 'POST /profiles':
      return { name: 'CreateProfile', resource: '*', run: createProfile };
    case 'GET /profiles':
      return {
        name: 'ListProfiles',
        resource: '*',
        run: (call) => list(call, 'profiles', call.registry.profiles, profileMembers),
      };
    default:
  }
  const what = `${method} ${action ?? ''}`;
  const verb = VERBS.get(what);
  if (id === undefined || verb === undefined) return undefined;
  if (kind === 'trustanchor') {
    return {
      name: `${verb}TrustAnchor`,
      resource: `trust-anchor/${id}`,
      run: (call) => {
        const body = act(what, find(call, call.registry.trustAnchors, id, 'Trust anchor'), call);
        return { status: 200, body: { trustAnchor: anchorMembers(body) } };
      },
    };
  }
  if (kind === 'profile') {
    return {
      name: `${verb}Profile`,
      resource: `profile/${id}`,
      run: (call) => {
        const body = act(what, find(call, call.registry.profiles, id, 'Profile'), call);
        return { status: 200, body: { profile: profileMembers(body) } };
      },
    };
  }
  return undefined;
}

/** What is done with one that is there. */
const VERBS = new Map([
  ['GET ', 'Get'],
  ['POST enable', 'Enable'],
  ['POST disable', 'Disable'],
  ['DELETE ', 'Delete'],
]);

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function createTrustAnchor({ registry, request, region }: ResourceCall): ResourceReply {
  const input = jsonBodyInput(request);
  const name = input.requiredText('name', NAME_RULE);
  const enabled = input.flag('enabled');
  const source = input.structure('source');
  if (source === undefined) input.constraints.missing('source');
  input.check();
  const type = source?.requiredText('sourceType', { oneOf: SOURCE_TYPES });
  const x509CertificateData = source?.structure('sourceData')?.text('x509CertificateData', {
    min: 1,
    max: CERTIFICATES_MAX_CHARS,
  });
  source?.check();
  if (type !== 'CERTIFICATE_BUNDLE' || x509CertificateData === undefined) {
    throw new ServiceError('ValidationException', 'Only CERTIFICATE_BUNDLE is served here.');
  }
  const anchor = registry.createTrustAnchor({ region, name, x509CertificateData, enabled });
  return { status: 201, body: { trustAnchor: anchorMembers(anchor) } };
}

const SOURCE_TYPES = ['AWS_ACM_PCA', 'CERTIFICATE_BUNDLE', 'SELF_SIGNED_REPOSITORY'];

function createProfile({ registry, request, region, callerArn }: ResourceCall): ResourceReply {
  const input = jsonBodyInput(request);
  const name = input.requiredText('name', NAME_RULE);
  const roleArns = input.texts('roleArns', { min: 0, max: 250 });
  if (roleArns === undefined) input.constraints.missing('roleArns');
  for (const arn of roleArns ?? []) input.constraints.text('roleArns', arn, { pattern: ROLE_ARN });
  const durationSeconds = input.integer('durationSeconds', { min: 900, max: 43_200 }) ?? 3600;
  const enabled = input.flag('enabled');
  const acceptRoleSessionName = input.flag('acceptRoleSessionName');
  input.check();
  refuseUnserved(input);
  const profile = registry.createProfile({
    region,
    name,
    roleArns: roleArns ?? [],
    durationSeconds,
    acceptRoleSessionName,
    enabled,
    createdBy: callerArn,
  });
  return { status: 201, body: { profile: profileMembers(profile) } };
}

/** What would narrow sessions is not evaluated here, so it is not accepted. */
function refuseUnserved(input: JsonInput): void {
  const named = ['sessionPolicy', 'managedPolicyArns'].find((name) => input.has(name));
  if (named === undefined) return;
  throw new ServiceError('ValidationException', `${named} is not served here.`);
}

interface Resource {
  readonly region: string;
  enabled: boolean;
  updatedAtMs: number;
}

function find<Kind extends Resource>(
  { region }: ResourceCall,
  resources: ReadonlyMap<string, Kind>,
  id: string,
  kind: string,
): Kind {
  const found = resources.get(id);
  if (found?.region === region) return found;
  throw new ServiceError('ResourceNotFoundException', `${kind} not found`, 404);
}

function act<Kind extends Resource>(
  what: string,
  resource: Kind,
  { registry, now }: ResourceCall,
): Kind {
  switch (what) {
    case 'GET ':
      return resource;
    case 'POST enable':
    case 'POST disable':
      resource.enabled = what === 'POST enable';
      resource.updatedAtMs = now();
      return resource;
    case 'DELETE ':
      for (const map of [registry.trustAnchors, registry.profiles]) {
        for (const [id, each] of map) if (each === (resource as object)) map.delete(id);
      }
      return resource;
    default:
      throw new ServiceError('UnknownOperationException', '', 404);
  }
}

/** All on one page: nobody here has hundreds. */
function list<Kind extends Resource>(
  { region }: ResourceCall,
  member: string,
  resources: ReadonlyMap<string, Kind>,
  members: (resource: Kind) => Record<string, unknown>,
): ResourceReply {
  const own = [...resources.values()].filter((resource) => resource.region === region);
  return { status: 200, body: { [member]: own.map(members) } };
}

function anchorMembers(anchor: TrustAnchor): Record<string, unknown> {
  const { trustAnchorId, trustAnchorArn, name, enabled, x509CertificateData } = anchor;
  return {
    trustAnchorId,
    trustAnchorArn,
    name,
    enabled,
    source: { sourceType: 'CERTIFICATE_BUNDLE', sourceData: { x509CertificateData } },
    ...times(anchor),
  };
}

function profileMembers(profile: AnywhereProfile): Record<string, unknown> {
  const { region: _region, createdAtMs: _created, updatedAtMs: _updated, ...members } = profile;
  return { ...members, requireInstanceProperties: false, ...times(profile) };
}

function times({ createdAtMs, updatedAtMs }: { createdAtMs: number; updatedAtMs: number }): object {
  return {
    createdAt: new Date(createdAtMs).toISOString(),
    updatedAt: new Date(updatedAtMs).toISOString(),
  };
}
