import { verify } from 'node:crypto';
import { header } from '../http/message.ts';
import type { RawRequest } from '../http/message.ts';
import { formatTimestamp } from '../http/signature-fields.ts';
import { canonicalRequest, sha256Hex } from '../http/sigv4.ts';
import { ServiceError } from '../service-error.ts';
import { parseCertificate } from './presented-certificate.ts';
import type { PresentedCertificate } from './presented-certificate.ts';

/** Signature algorithm of the protocol → key type it belongs to. */
const ALGORITHMS = new Map([
  ['AWS4-X509-RSA-SHA256', 'rsa'],
  ['AWS4-X509-ECDSA-SHA256', 'ec'],
]);
const FORM =
  /^(\S+) Credential=(\d{1,49})\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]+)$/;
const REQUIRED = ['host', 'x-amz-date', 'x-amz-x509'];
const SKEW_MS = 5 * 60_000;

/** Who signed a request with a certificate. */
export interface CertificateCaller {
  leaf: PresentedCertificate;
  intermediates: PresentedCertificate[];
  region: string;
}

/** Whether a request is signed this way at all, rightly or not. */
export function isSignedByCertificate(request: RawRequest): boolean {
  return header(request, 'authorization')?.startsWith('AWS4-X509-') === true;
}

/**
 * Checks the signature of a request that shows a certificate (4.3 of the facts); whether anybody
 * trusts the certificate is another question.
 *
 * @throws ServiceError
 */
export function verifyCertificateSignature(request: RawRequest, nowMs: number): CertificateCaller {
  const match = FORM.exec(header(request, 'authorization') ?? '');
  if (match === null)
    throw invalid('IncompleteSignatureException', 'Malformed Authorization header');
  const [, algorithm = '', serial = '', date = '', region = '', service, names = '', hex = ''] =
    match;
  const leaf = certificateOf(header(request, 'x-amz-x509'));
  const chain = header(request, 'x-amz-x509-chain');
  const intermediates = chain === undefined ? [] : chain.split(',').map(certificateOf);

  const timestamp = header(request, 'x-amz-date') ?? '';
  if (service !== 'rolesanywhere' || !timestamp.startsWith(date)) {
    throw invalid('InvalidSignatureException', 'Credential should be scoped to the request');
  }
  checkClock(timestamp, nowMs);
  const signed = names.split(';');
  const required = [...REQUIRED, ...(chain === undefined ? [] : ['x-amz-x509-chain'])];
  const isSorted = signed.join() === [...signed].sort().join();
  if (!isSorted || required.some((name) => !signed.includes(name))) {
    throw invalid('InvalidSignatureException', 'Required headers are not signed');
  }
  const { publicKey } = leaf.x509;
  if (ALGORITHMS.get(algorithm) !== publicKey.asymmetricKeyType) {
    throw invalid(
      'InvalidSignatureException',
      `Algorithm ${algorithm} does not fit the certificate`,
    );
  }
  if (serial !== leaf.serial.toString()) {
    throw invalid('InvalidSignatureException', 'Credential does not name the certificate');
  }
  const canonical = canonicalRequest(request, signed, sha256Hex(request.body));
  const scope = `${date}/${region}/rolesanywhere/aws4_request`;
  const text = [algorithm, timestamp, scope, sha256Hex(canonical)].join('\n');
  if (!verify('sha256', Buffer.from(text), publicKey, Buffer.from(hex, 'hex'))) {
    throw invalid(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided.',
    );
  }
  return { leaf, intermediates, region };
}

function certificateOf(base64: string | undefined): PresentedCertificate {
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(base64 ?? '');
  try {
    if (isBase64) return parseCertificate(Buffer.from(base64 ?? '', 'base64'));
  } catch {
    // As for what is no base64.
  }
  throw new ServiceError('ValidationException', 'Invalid X509 certificate');
}

function checkClock(timestamp: string, nowMs: number): void {
  const early = formatTimestamp(nowMs - SKEW_MS);
  const late = formatTimestamp(nowMs + SKEW_MS);
  // The basic format sorts as the moments do.
  if (!/^\d{8}T\d{6}Z$/.test(timestamp) || timestamp < early || timestamp > late) {
    throw invalid('InvalidSignatureException', `Signature expired: ${timestamp}`);
  }
}

function invalid(code: string, message: string): ServiceError {
  return new ServiceError(code, message, 403);
}
