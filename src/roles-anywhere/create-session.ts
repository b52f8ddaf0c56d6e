import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseExpiration } from '../aws/expiration.ts';
import { strangeAnswer } from '../aws/service-errors.ts';
import { refuseEnded } from '../aws/temporary-credentials.ts';
import type { TemporaryCredentials } from '../aws/temporary-credentials.ts';
import type { DevaccessError } from '../platform/errors.ts';
import { VERSION } from '../platform/version.ts';
import type { SessionArns } from './arns.ts';
import { answerError, exchangeError, isWorthRetrying } from './create-session-errors.ts';
import type { HttpAnswer, Post } from './exchange.ts';
import type { Identity } from './identity.ts';
import { canonicalQuery, signRequest } from './request-signature.ts';

export interface SessionRequest {
  arns: SessionArns;
  durationSeconds: number;
  /** Only a profile that accepts one lets it through. */
  roleSessionName: string | undefined;
  endpoint: URL;
  identity: Identity;
}

/** The outer world of `createSession`. */
export interface SessionWorld {
  post: Post;
  now: () => number;
  /** From 0 to 1: spreads the retries of a fleet. Default `Math.random`. */
  random?: () => number;
  /** Waits for milliseconds. Default: as long. */
  pause?: (ms: number) => Promise<unknown>;
  /** Figures of each attempt; never a signature or an answer. */
  debug?: (text: string) => void;
}

const MAX_ATTEMPTS = 3;
const PAUSE_MS = 500;
/** The service takes 10 requests a second of a whole account: a fleet needs longer to get through. */
const THROTTLED_PAUSE_MS = 2_000;
const MAX_PAUSE_MS = 8_000;

/**
 * Exchanges a certificate for the credentials of a role: CreateSession of IAM Roles Anywhere. Tries
 * again where the network, the service's own trouble or its pace was the reason, signed anew.
 *
 * @throws DevaccessError of `create-session-errors.ts`; DA_SERVICE_ERROR for an answer without
 *   credentials, DA_CLOCK_SKEW for one whose credentials have ended
 */
export async function createSession(
  request: SessionRequest,
  world: SessionWorld,
): Promise<TemporaryCredentials> {
  const { post, now, random = Math.random, pause = sleep, debug } = world;
  const invocationId = randomUUID();
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await tryOnce(request, { post, now, attempt, invocationId });
    debug?.(`attempt ${attempt}: ${describe(outcome)}`);
    if ('credentials' in outcome) return outcome.credentials;
    if (attempt === MAX_ATTEMPTS || !isWorthRetrying(outcome.error)) throw outcome.error;
    await pause(pauseMs(outcome, attempt, random()));
  }
}

interface Failure {
  answer?: HttpAnswer;
  error: DevaccessError;
}
type Outcome = Failure | { answer: HttpAnswer; credentials: TemporaryCredentials };

async function tryOnce(
  request: SessionRequest,
  world: { post: Post; now: () => number; attempt: number; invocationId: string },
): Promise<Outcome> {
  const signed = await signedPost(request, { ...world, nowMs: world.now() });
  let answer: HttpAnswer;
  try {
    answer = await world.post(signed);
  } catch (error) {
    return { error: exchangeError(error, request.endpoint.host) };
  }
  if (answer.status < 200 || answer.status > 299) {
    return { answer, error: answerError(answer, request, world.now()) };
  }
  return { answer, credentials: readAnswer(answer, request.endpoint.host, world.now()) };
}

/** With the ARNs in the query and the rest in the body, as aws_signing_helper sends it. */
async function signedPost(
  { arns, durationSeconds, roleSessionName, endpoint, identity }: SessionRequest,
  facts: { nowMs: number; attempt: number; invocationId: string },
): Promise<Parameters<Post>[0]> {
  const { profileArn, roleArn, trustAnchorArn } = arns;
  const query = { profileArn, roleArn, trustAnchorArn };
  const { certificate, chain, signer } = identity;
  const headers = {
    'Content-Type': 'application/json',
    Host: endpoint.host,
    'X-Amz-Date': new Date(facts.nowMs).toISOString().replace(/[-:]|\.\d{3}/g, ''),
    'X-Amz-X509': certificate.der.toString('base64'),
    ...(chain.length === 0
      ? {}
      : { 'X-Amz-X509-Chain': chain.map(({ der }) => der.toString('base64')).join(',') }),
    'amz-sdk-invocation-id': facts.invocationId,
    'amz-sdk-request': `attempt=${facts.attempt}; max=${MAX_ATTEMPTS}`,
  };
  const body = JSON.stringify({
    durationSeconds,
    ...(roleSessionName === undefined ? {} : { roleSessionName }),
  });
  const { serialNumber } = certificate;
  const signing = { serialNumber, signer };
  const { authorization } = await signRequest({ query, headers, body }, signing, arns.region);
  return {
    url: endpoint,
    target: `${endpoint.pathname.replace(/\/+$/, '')}/sessions?${canonicalQuery(query)}`,
    headers: { ...headers, Authorization: authorization, 'User-Agent': `devaccess/${VERSION}` },
    body,
  };
}

interface CreateSessionAnswer {
  credentialSet?: {
    credentials?: {
      accessKeyId?: unknown;
      secretAccessKey?: unknown;
      sessionToken?: unknown;
      expiration?: unknown;
    };
  }[];
}

function readAnswer(answer: HttpAnswer, host: string, nowMs: number): TemporaryCredentials {
  const context = { service: 'IAM Roles Anywhere', operation: 'CreateSession', host };
  let parsed: CreateSessionAnswer | null;
  try {
    parsed = JSON.parse(answer.body) as CreateSessionAnswer | null;
  } catch (error) {
    throw strangeAnswer(context, 'no JSON', error);
  }
  const [set] = Array.isArray(parsed?.credentialSet) ? parsed.credentialSet : [];
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = set?.credentials ?? {};
  const expirationMs = typeof expiration === 'string' ? parseExpiration(expiration) : undefined;
  if (
    !isFilled(accessKeyId) ||
    !isFilled(secretAccessKey) ||
    !isFilled(sessionToken) ||
    expirationMs === undefined
  ) {
    throw strangeAnswer(context, 'without credentials');
  }
  refuseEnded(expirationMs, nowMs);
  return { accessKeyId, secretAccessKey, sessionToken, expirationMs };
}

/** Nothing that could break a line of a file or of a terminal. */
function isFilled(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,16384}$/.test(value);
}

function pauseMs({ error, answer }: Failure, attempt: number, random: number): number {
  const isThrottled = error.code === 'DA_THROTTLED';
  const asked = Number(answer?.headers['retry-after']) * 1000;
  const longest = (isThrottled ? THROTTLED_PAUSE_MS : PAUSE_MS) * 2 ** (attempt - 1);
  const spread = longest * (0.5 + random / 2);
  return Math.min(MAX_PAUSE_MS, asked > 0 ? Math.max(asked, spread) : spread);
}

function describe(outcome: Outcome): string {
  const status = outcome.answer === undefined ? 'no answer' : `HTTP ${outcome.answer.status}`;
  const id = outcome.answer?.headers['x-amzn-requestid'];
  return id === undefined ? status : `${status}, request ${id}`;
}
