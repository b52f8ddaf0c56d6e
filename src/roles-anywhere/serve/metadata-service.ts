/**
 * What an EC2 instance's metadata service, version 2, answers of a role's credentials (AWS, "Use the
 * Instance Metadata Service"; 4.8 of the facts): pure, for any server in front of it.
 */
import type { KeptCredentials } from '../../aws/credential-cache.ts';
import { isoSeconds } from '../../aws/expiration.ts';
import { isLoopbackHost } from '../../platform/loopback.ts';
import type { MetadataTokens } from './metadata-tokens.ts';

export interface MetadataRequest {
  method: string;
  /** Path and query. */
  target: string;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface MetadataAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

export interface MetadataSource {
  /** Under which its credentials are found. */
  roleName: string;
  tokens: MetadataTokens;
  /** Credentials that have not ended. */
  credentials: () => Promise<KeptCredentials>;
}

const TOKEN_PATH = '/latest/api/token';
const CREDENTIALS_PATH = '/latest/meta-data/iam/security-credentials';
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
const MAX_TTL_S = 21_600;
const RETRY_AFTER_S = 5;

/** Never rejects. */
export async function answerMetadata(
  request: MetadataRequest,
  source: MetadataSource,
): Promise<MetadataAnswer> {
  const { method } = request;
  const refusal = foreignRequest(request);
  if (refusal !== undefined) return refusal;
  const path = pathOf(request.target);
  if (path === TOKEN_PATH) {
    return method === 'PUT' ? answerToken(request, source) : notAllowed('PUT');
  }
  const name = path === CREDENTIALS_PATH ? '' : nameBelow(path);
  if (name === undefined) return plain(404, 'Not Found');
  if (method !== 'GET' && method !== 'HEAD') return notAllowed('GET, HEAD');
  const left = source.tokens.use(oneValue(request, TOKEN_HEADER) ?? '');
  if (left === undefined) return plain(401, 'Unauthorized');
  const headers = { [TTL_HEADER]: String(left) };
  if (name === '') return plain(200, source.roleName, headers);
  if (name !== source.roleName) return plain(404, 'Not Found', headers);
  return answerCredentials(source, headers);
}

/**
 * A page in a browser could be led here by a name of its own that it lets point to this machine, and a
 * proxy could hand on what comes from elsewhere. What AWS tools send has neither sign.
 */
function foreignRequest(request: MetadataRequest): MetadataAnswer | undefined {
  const host = /^(\[[^\]]*\]|[^:]+)(?::\d{1,5})?$/.exec(oneValue(request, 'host') ?? '')?.[1];
  if (host === undefined || !isLoopbackHost(host.toLowerCase())) return plain(403, 'Forbidden');
  if (request.headers['origin'] !== undefined) return plain(403, 'Forbidden');
  return request.headers['x-forwarded-for'] === undefined ? undefined : plain(400, 'Bad Request');
}

function answerToken(request: MetadataRequest, { tokens }: MetadataSource): MetadataAnswer {
  const text = oneValue(request, TTL_HEADER) ?? '';
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > MAX_TTL_S) return plain(400, 'Bad Request');
  return plain(200, tokens.issue(seconds), { [TTL_HEADER]: String(seconds) });
}

async function answerCredentials(
  { credentials }: MetadataSource,
  headers: Readonly<Record<string, string>>,
): Promise<MetadataAnswer> {
  let present: KeptCredentials;
  try {
    present = await credentials();
  } catch {
    // Why is told where it is served, not to whoever asks. SDKs try again after a 5xx.
    return plain(503, 'Service Unavailable', { ...headers, 'retry-after': String(RETRY_AFTER_S) });
  }
  const { accessKeyId, secretAccessKey, sessionToken, expirationMs, obtainedMs } = present;
  const document = {
    Code: 'Success',
    LastUpdated: isoSeconds(obtainedMs),
    Type: 'AWS-HMAC',
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: isoSeconds(expirationMs),
  };
  return answer(200, JSON.stringify(document, null, 2), 'application/json', headers);
}

/** Without the query; some tools put the endpoint's own slash before it. */
function pathOf(target: string): string {
  return (target.split('?')[0] ?? '').replace(/^\/+/, '/');
}

/** What is named below the path of the credentials; undefined for another path. */
function nameBelow(path: string): string | undefined {
  if (!path.startsWith(`${CREDENTIALS_PATH}/`)) return undefined;
  try {
    return decodeURIComponent(path.slice(CREDENTIALS_PATH.length + 1));
  } catch {
    return undefined;
  }
}

function oneValue({ headers }: MetadataRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function notAllowed(allow: string): MetadataAnswer {
  return plain(405, 'Method Not Allowed', { allow });
}

function plain(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): MetadataAnswer {
  return answer(status, body, 'text/plain', headers);
}

function answer(
  status: number,
  body: string,
  type: string,
  headers: Readonly<Record<string, string>>,
): MetadataAnswer {
  const common = { 'content-type': type, 'cache-control': 'no-store' };
  return { status, headers: { ...common, ...headers }, body };
}
