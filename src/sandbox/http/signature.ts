import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { CallerIdentity } from '../caller.ts';
import type { CredentialStore } from '../credential-store.ts';
import { collectHeaders } from './message.ts';
import type { RawRequest } from './message.ts';
import { formatTimestamp, parseSignature } from './signature-fields.ts';
import type { SignatureFields } from './signature-fields.ts';
import { canonicalRequest, sha256Hex, signatureOf, stringToSign } from './sigv4.ts';
import type { CredentialScope } from './sigv4.ts';

/** How far a request's clock may be off. */
const SKEW_MS = 5 * 60_000;

/** Why a signed request is refused; each protocol has its own words for it. */
export interface SignatureFault {
  readonly reason:
    'incomplete' | 'unknown-key' | 'expired-token' | 'mismatch' | 'not-current' | 'wrong-scope';
  readonly detail: string;
}

export type Verification =
  | { readonly state: 'verified'; readonly caller: CallerIdentity; readonly scope: CredentialScope }
  | { readonly state: 'absent' }
  | { readonly state: 'refused'; readonly fault: SignatureFault };

/** Who signed a WebSocket upgrade; `absent` when nobody did, as older clients do. */
export type UpgradeSignature = 'absent' | { identity: CallerIdentity } | { error: string };

interface VerifierOptions {
  credentials: CredentialStore;
  now: () => number;
}

/** Verifies Signature Version 4 in both its forms against the account's keys. */
export class SignatureVerifier {
  readonly #credentials: CredentialStore;
  readonly #now: () => number;

  constructor({ credentials, now }: VerifierOptions) {
    this.#credentials = credentials;
    this.#now = now;
  }

  /**
   * Checks a request.
   * @param services signing names that are right for this request
   */
  verify(request: RawRequest, services: readonly string[]): Verification {
    const parsed = parseSignature(request);
    if (parsed.state === 'absent') return parsed;
    if (parsed.state === 'incomplete') return refuse('incomplete', parsed.detail);
    const { fields } = parsed;

    const { state, ...found } = this.#credentials.lookup(fields.accessKeyId, fields.sessionToken);
    if (state === 'expired') {
      return refuse('expired-token', 'The security token included in the request is expired');
    }
    if (!('caller' in found)) {
      return refuse('unknown-key', 'The security token included in the request is invalid.');
    }
    const fault =
      clockFault(fields, this.#now()) ??
      scopeFault(fields, services) ??
      unsignedFault(request, fields);
    if (fault !== undefined) return { state: 'refused', fault };
    if (!signatureMatches(request, fields, found.secretAccessKey)) {
      return refuse(
        'mismatch',
        'The request signature we calculated does not match the signature you provided. ' +
          'Check your AWS Secret Access Key and signing method. ' +
          'Consult the service documentation for details.',
      );
    }
    this.#credentials.noteUse(fields.accessKeyId, fields.scope.service, fields.scope.region);
    return { state: 'verified', caller: found.caller, scope: fields.scope };
  }

  /** Checks a WebSocket upgrade of the message gateway: signing name `ssmmessages`, no body. */
  verifyUpgrade(request: IncomingMessage): UpgradeSignature {
    const verification = this.verify(
      {
        method: request.method ?? 'GET',
        target: request.url ?? '/',
        headers: collectHeaders(request.rawHeaders),
        body: Buffer.alloc(0),
      },
      ['ssmmessages'],
    );
    switch (verification.state) {
      case 'absent':
        return 'absent';
      case 'verified':
        return { identity: verification.caller };
      case 'refused':
        return { error: verification.fault.detail };
    }
  }
}

/** Whether a request was signed too long ago, or is from the future. */
export function clockFault(
  { timestamp, timestampMs, expiresS }: SignatureFields,
  nowMs: number,
): SignatureFault | undefined {
  const now = formatTimestamp(nowMs);
  if (timestampMs - nowMs > SKEW_MS) {
    const limit = formatTimestamp(nowMs + SKEW_MS);
    const detail = `Signature not yet current: ${timestamp} is still later than ${limit} (${now} + 5 min.)`;
    return { reason: 'not-current', detail };
  }
  const lifeMs = expiresS === undefined ? SKEW_MS : expiresS * 1000;
  if (nowMs - timestampMs > lifeMs) {
    const limit = formatTimestamp(nowMs - lifeMs);
    const detail = `Signature expired: ${timestamp} is now earlier than ${limit} (${now} - ${lifeMs / 60_000} min.)`;
    return { reason: 'not-current', detail };
  }
  return undefined;
}

function refuse(reason: SignatureFault['reason'], detail: string): Verification {
  return { state: 'refused', fault: { reason, detail } };
}

export function scopeFault(
  { scope }: SignatureFields,
  services: readonly string[],
): SignatureFault | undefined {
  if (!services.includes(scope.service)) {
    const expected = services.map((service) => `'${service}'`).join(', ');
    const detail = `Credential should be scoped to correct service: ${expected}.`;
    return { reason: 'wrong-scope', detail };
  }
  if (!/^[a-z]{2,8}(-[a-z]{2,12}){1,3}-\d{1,2}$/.test(scope.region)) {
    return { reason: 'wrong-scope', detail: 'Credential should be scoped to a valid region.' };
  }
  return undefined;
}

/** `host` and every `x-amz-*` header must be under the signature, or they could be exchanged. */
function unsignedFault(
  request: RawRequest,
  { signedHeaders }: SignatureFields,
): SignatureFault | undefined {
  const signed = new Set(signedHeaders);
  if (!signed.has('host')) {
    const detail = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    return { reason: 'mismatch', detail };
  }
  const loose = [...request.headers.keys()].filter(
    (name) => name.startsWith('x-amz-') && !signed.has(name),
  );
  if (loose.length === 0) return undefined;
  const detail = `There were headers present in the request which were not signed: ${loose.join(', ')}`;
  return { reason: 'mismatch', detail };
}

function signatureMatches(
  request: RawRequest,
  fields: SignatureFields,
  secretAccessKey: string,
): boolean {
  const canonical = canonicalRequest(request, fields.signedHeaders, sha256Hex(request.body));
  const text = stringToSign(fields.timestamp, fields.scope, canonical);
  const expected = Buffer.from(signatureOf(secretAccessKey, fields.scope, text));
  const given = Buffer.from(fields.signature);
  return expected.length === given.length && timingSafeEqual(expected, given);
}
