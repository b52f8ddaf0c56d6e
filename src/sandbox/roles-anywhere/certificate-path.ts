import { KEY_USAGE } from './presented-certificate.ts';
import type { PresentedCertificate } from './presented-certificate.ts';

/** Longer paths are nobody's. */
const MAX_INTERMEDIATES = 5;

/**
 * Whether a certificate is a machine's and leads to one that the trust anchor holds, everything on
 * the way valid now (AWS, "IAM Roles Anywhere: the trust model").
 *
 * @returns undefined, or what is wrong
 */
export function pathFault(
  leaf: PresentedCertificate,
  intermediates: readonly PresentedCertificate[],
  anchors: readonly PresentedCertificate[],
  nowMs: number,
): string | undefined {
  const usage = leaf.keyUsage ?? 0;
  const isMachine = leaf.version === 3 && !leaf.isAuthority && leaf.isSignedWithSha2;
  if (!isMachine || (usage & KEY_USAGE.digitalSignature) === 0) {
    return 'Untrusted certificate. Insufficient certificate';
  }
  if (!isCurrent(leaf, nowMs)) return 'Untrusted certificate. Certificate expired';
  const isTrusted = leadsToAnchor(leaf, intermediates, anchors, nowMs, 0);
  return isTrusted ? undefined : 'Untrusted signing certificate';
}

function leadsToAnchor(
  subject: PresentedCertificate,
  intermediates: readonly PresentedCertificate[],
  anchors: readonly PresentedCertificate[],
  nowMs: number,
  depth: number,
): boolean {
  const isIssuer = (candidate: PresentedCertificate): boolean =>
    isAuthorityNow(candidate, nowMs) &&
    subject.x509.checkIssued(candidate.x509) &&
    subject.x509.verify(candidate.x509.publicKey);
  if (anchors.some(isIssuer)) return true;
  if (depth === MAX_INTERMEDIATES) return false;
  return intermediates
    .filter(isIssuer)
    .some((issuer) => leadsToAnchor(issuer, intermediates, anchors, nowMs, depth + 1));
}

/** Also asked of what a trust anchor is made from. */
export function isAuthority({
  version,
  isAuthority: isOne,
  keyUsage,
}: PresentedCertificate): boolean {
  const maySign = keyUsage === undefined || (keyUsage & KEY_USAGE.keyCertSign) !== 0;
  return version === 3 && isOne && maySign;
}

function isAuthorityNow(certificate: PresentedCertificate, nowMs: number): boolean {
  return isAuthority(certificate) && isCurrent(certificate, nowMs);
}

function isCurrent({ notBeforeMs, notAfterMs }: PresentedCertificate, nowMs: number): boolean {
  return nowMs >= notBeforeMs && nowMs <= notAfterMs;
}
