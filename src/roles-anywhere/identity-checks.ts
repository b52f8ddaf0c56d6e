/**
 * What IAM Roles Anywhere asks of a certificate (AWS, "IAM Roles Anywhere: trust model, signature
 * validation"), told before the call: the service itself says no more than "untrusted".
 */
import type { KeyObject } from 'node:crypto';
import { DevaccessError } from '../platform/errors.ts';
import type { Certificate } from './certificate.ts';

/**
 * @throws DevaccessError DA_CERTIFICATE_EXPIRED, DA_CERTIFICATE_NOT_YET_VALID, DA_CERTIFICATE_UNFIT
 */
export function checkCertificate(certificate: Certificate, file: string, nowMs: number): void {
  checkDates(certificate, `The certificate ${file}`, nowMs);
  const reason = unfitFor(certificate);
  if (reason === undefined) return;
  throw new DevaccessError(
    'DA_CERTIFICATE_UNFIT',
    `IAM Roles Anywhere does not take the certificate ${file}: ${reason}`,
    {
      next: 'have one issued of version 3, for an end entity, with the key usage digitalSignature, signed with SHA-256 or better',
    },
  );
}

/** Only what is certain: a certificate that says nothing of its use is the service's to judge. */
function unfitFor(certificate: Certificate): string | undefined {
  if (certificate.version !== 3) return `its version is ${certificate.version}`;
  if (certificate.isAuthority) return 'it is that of an authority (CA:TRUE)';
  if (certificate.allowsDigitalSignature === false) return 'its key usage lacks digitalSignature';
  if (certificate.isWeaklySigned) return `it is signed with ${certificate.signatureAlgorithm}`;
  return undefined;
}

/**
 * Checks the intermediates that the certificate's trust leads over; others do no harm.
 *
 * @throws DevaccessError DA_CERTIFICATE_EXPIRED, DA_CERTIFICATE_NOT_YET_VALID, DA_CERTIFICATE_UNFIT
 */
export function checkChain(
  certificate: Certificate,
  chain: readonly Certificate[],
  nowMs: number,
): void {
  let subject = certificate;
  for (const issuer of chain) {
    if (!subject.isIssuedBy(issuer)) continue;
    checkDates(issuer, `The intermediate certificate ${issuer.subject}`, nowMs);
    if (!issuer.isAuthority || issuer.allowsCertificateSigning === false) {
      throw new DevaccessError(
        'DA_CERTIFICATE_UNFIT',
        `The intermediate certificate ${issuer.subject} is not that of an authority`,
        { next: 'ask who issued it for the right chain' },
      );
    }
    subject = issuer;
  }
}

/** @throws DevaccessError DA_KEY_MISMATCH */
export function checkKey(
  certificate: Certificate,
  privateKey: KeyObject,
  files: { certificate: string; key: string },
): void {
  if (certificate.x509.checkPrivateKey(privateKey)) return;
  throw new DevaccessError(
    'DA_KEY_MISMATCH',
    `The private key ${files.key} is not that of the certificate ${files.certificate}`,
    { next: 'name the two that were made for one another' },
  );
}

function checkDates({ notBeforeMs, notAfterMs }: Certificate, which: string, nowMs: number): void {
  const now = utcMinute(nowMs);
  if (nowMs > notAfterMs) {
    throw new DevaccessError(
      'DA_CERTIFICATE_EXPIRED',
      `${which} expired on ${utcMinute(notAfterMs)} (it is now ${now})`,
      { next: 'have it renewed, and put the new one in its place' },
    );
  }
  if (nowMs >= notBeforeMs) return;
  throw new DevaccessError(
    'DA_CERTIFICATE_NOT_YET_VALID',
    `${which} is valid from ${utcMinute(notBeforeMs)} on; by this computer's clock it is ${now}`,
    { next: 'check the clock; if it is right, wait until then or have another issued' },
  );
}

/** Such as `2026-11-23 09:30 UTC`. */
export function utcMinute(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
