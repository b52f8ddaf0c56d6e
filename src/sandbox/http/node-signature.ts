import { constants, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ServiceError } from '../service-error.ts';
import { authenticationError } from './json-protocol.ts';
import type { RawRequest } from './message.ts';
import { clockFault, scopeFault } from './signature.ts';
import type { SignatureFault } from './signature.ts';
import { parseSignature } from './signature-fields.ts';
import type { SignatureFields } from './signature-fields.ts';
import { canonicalRequest, sha256Hex, stringToSign } from './sigv4.ts';

/** What the agent signs beside the body: with any of them loose, a request could be another. */
const NEEDED_HEADERS = ['host', 'x-amz-date', 'x-amz-target'];

export interface NodeCaller {
  readonly instanceId: string;
  /** The region the request was signed for. */
  readonly region: string;
}

/**
 * Who signed a request with the key of a hybrid node: Signature Version 4 in its form, with the
 * node's id as access key id and RSA-PSS (SHA-256, base64) in the place of the HMAC.
 *
 * @throws ServiceError as the service refuses a signature
 */
export function verifyNodeSignature(
  request: RawRequest,
  options: { publicKeyOf: (instanceId: string) => KeyObject | undefined; nowMs: number },
): NodeCaller {
  const parsed = parseSignature(request);
  if (parsed.state === 'absent') {
    throw new ServiceError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  if (parsed.state === 'incomplete') throw refused('incomplete', parsed.detail);
  const { fields } = parsed;
  const publicKey = options.publicKeyOf(fields.accessKeyId);
  if (publicKey === undefined) {
    throw refused('unknown-key', 'The security token included in the request is invalid.');
  }
  const fault = clockFault(fields, options.nowMs) ?? scopeFault(fields, ['ssm']);
  if (fault !== undefined) throw authenticationError(fault);
  const loose = NEEDED_HEADERS.filter((name) => !fields.signedHeaders.includes(name));
  if (loose.length > 0 || !signatureMatches(request, fields, publicKey)) {
    throw refused(
      'mismatch',
      'The request signature we calculated does not match the signature you provided.',
    );
  }
  return { instanceId: fields.accessKeyId, region: fields.scope.region };
}

function refused(reason: SignatureFault['reason'], detail: string): ServiceError {
  return authenticationError({ reason, detail });
}

function signatureMatches(
  request: RawRequest,
  fields: SignatureFields,
  publicKey: KeyObject,
): boolean {
  const canonical = canonicalRequest(request, fields.signedHeaders, sha256Hex(request.body));
  const text = stringToSign(fields.timestamp, fields.scope, canonical);
  return verify(
    'sha256',
    Buffer.from(text),
    {
      key: publicKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_AUTO,
    },
    Buffer.from(fields.signature, 'base64'),
  );
}
