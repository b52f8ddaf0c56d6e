/** Keep or renew, and what is written: the decisions of `devaccess mfa` about a session (1.7, 1.11). */
import { isMadeFrom, SOURCE_KEY, sourceMarker } from '../aws/session-source.ts';
import type { TemporaryCredentials } from '../aws/temporary-credentials.ts';
import { formatExpiration, parseExpiration } from '../aws/expiration.ts';
import { withoutComment } from '../aws/files/ini-document.ts';

type Values = ReadonlyMap<string, string>;

/** Seconds a session must still last to be kept. */
export const DEFAULT_MARGIN_SECONDS = 300;

export type Decision =
  { action: 'keep'; expirationMs: number } | { action: 'refresh'; reason: string };

/** What a session would be made from. */
export interface SessionSource {
  accessKeyId: string;
  device: string;
  /** ARN of the role it would be one of; undefined for a session of the user. */
  role: string | undefined;
}

const NEEDED = [
  'assumed_role',
  'aws_access_key_id',
  'aws_secret_access_key',
  'aws_session_token',
  'aws_security_token',
  'expiration',
];

/**
 * Keep the stored session or get a new one (1.7, with the margin and source of 1.11).
 *
 * @param section the short-term section, undefined when there is none
 * @param nowMs the present, in milliseconds since the epoch
 */
export function decide(
  section: Values | undefined,
  source: SessionSource,
  options: { force: boolean; nowMs: number; marginSeconds: number },
): Decision {
  const refresh = (reason: string): Decision => ({ action: 'refresh', reason });
  if (section === undefined) return refresh('there is no session yet');
  const missing = NEEDED.find((key) => withoutComment(section.get(key) ?? '') === '');
  if (missing !== undefined) return refresh(`the stored session has no ${missing}`);
  if (options.force) return refresh('as asked by --force');
  const role = section.get('assumed_role_arn');
  if (role !== source.role) {
    return refresh(`the stored session is one of ${role ?? 'the user, not of the role'}`);
  }
  if (section.get('aws_session_token') !== section.get('aws_security_token')) {
    return refresh('the stored session has two different tokens');
  }
  const keyId = section.get('aws_access_key_id') ?? '';
  if (isMadeFrom(section.get(SOURCE_KEY), keyId, source) === false) {
    return refresh('the stored session was made with another key or device');
  }
  const expirationMs = parseExpiration(section.get('expiration') ?? '');
  if (expirationMs === undefined) return refresh('the stored expiration cannot be read');
  const leftMs = expirationMs - options.nowMs;
  if (leftMs <= 0) return refresh('the session has expired');
  if (leftMs < options.marginSeconds * 1000) return refresh('the session expires within minutes');
  return { action: 'keep', expirationMs };
}

/** What is written for a session, in the order of aws-mfa; both token keys or tools disagree. */
export function sessionChanges(
  session: TemporaryCredentials,
  source: SessionSource,
): Record<string, string | null> {
  return {
    assumed_role: source.role === undefined ? 'False' : 'True',
    assumed_role_arn: source.role ?? null,
    aws_access_key_id: session.accessKeyId,
    aws_secret_access_key: session.secretAccessKey,
    aws_session_token: session.sessionToken,
    aws_security_token: session.sessionToken,
    expiration: formatExpiration(session.expirationMs),
    [SOURCE_KEY]: sourceMarker(session.accessKeyId, source),
  };
}
