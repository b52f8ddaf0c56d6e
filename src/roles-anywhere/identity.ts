import type { Certificate } from './certificate.ts';
import { readCertificates } from './certificate-file.ts';
import { checkCertificate, checkChain } from './identity-checks.ts';
import { openSigner } from './open-key.ts';
import type { KeyWorld } from './open-key.ts';
import { isPkcs11Uri } from './pkcs11/pkcs11-uri.ts';
import type { IdentityPlan } from './session-plan.ts';
import type { Signer } from './signer.ts';

/** What a machine shows who it is with: paths, or names of things in PKCS#11 tokens. */
export interface IdentityFiles {
  certificate: string;
  /** Default: where the certificate is. */
  privateKey: string | undefined;
  /** Authorities between the certificate and the trust anchor. */
  intermediates: string | undefined;
}

/** A certificate that may be shown, and the key that proves it. */
export interface Identity {
  readonly certificate: Certificate;
  /** Sent with it, in this order. */
  readonly chain: readonly Certificate[];
  readonly signer: Signer;
}

/**
 * Reads a machine's certificate, its intermediates and its key, and makes sure that IAM Roles
 * Anywhere has no reason of its own to refuse them.
 *
 * @throws DevaccessError those of `presented`, `openSigner` and `identity-checks.ts`
 */
export async function loadIdentity(
  plan: IdentityPlan,
  certificates: readonly [Certificate, ...Certificate[]],
  world: KeyWorld,
  nowMs: number,
): Promise<Identity> {
  const { certificate, chain } = presented(plan, certificates);
  checkCertificate(certificate, plan.files.certificate, nowMs);
  checkChain(certificate, chain, nowMs);
  return { certificate, chain, signer: await openSigner(plan, certificate, world) };
}

/**
 * The certificate of a plan, and what follows it in its file. Read once: it may be a pipe of the shell.
 *
 * @throws DevaccessError those of `readCertificates` and `tokenCertificate`
 */
export async function readLeaf({
  files: { certificate },
  token,
}: IdentityPlan): Promise<[Certificate, ...Certificate[]]> {
  if (!isPkcs11Uri(certificate)) return readCertificates(certificate);
  const { tokenCertificate } = await import('./pkcs11/token-certificate.ts');
  return [await tokenCertificate(certificate, token.library)];
}

/**
 * The certificate to show, and what is sent along: the file of intermediates in its order, else
 * those that follow in the certificate's own file and lead on from it. Never a root, which the
 * service must know by itself, nor the certificate a second time.
 *
 * @param certificates what `readLeaf` read
 * @throws DevaccessError those of `readCertificates`
 */
export function presented(
  { files: { intermediates } }: IdentityPlan,
  [leaf, ...following]: readonly [Certificate, ...Certificate[]],
): { certificate: Certificate; chain: Certificate[] } {
  const candidates =
    intermediates === undefined ? pathFrom(leaf, following) : readCertificates(intermediates);
  const chain = candidates.filter((each) => !each.equals(leaf) && !each.isSelfIssued);
  return { certificate: leaf, chain };
}

/** Those that issued the certificate, one another in turn. */
export function pathFrom(leaf: Certificate, candidates: readonly Certificate[]): Certificate[] {
  const path: Certificate[] = [];
  for (let last: Certificate | undefined = leaf; last !== undefined;) {
    const subject: Certificate = last;
    last = candidates.find((each) => !path.includes(each) && subject.isIssuedBy(each));
    if (last !== undefined) path.push(last);
  }
  return path;
}
