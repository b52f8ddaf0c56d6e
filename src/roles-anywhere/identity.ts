import type { KeyObject } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { readCertificates } from './certificate-file.ts';
import { checkCertificate, checkChain, checkKey } from './identity-checks.ts';
import { readPrivateKey } from './private-key.ts';
import type { PassphraseSource } from './private-key.ts';

/** The files a machine shows who it is with. */
export interface IdentityFiles {
  certificate: string;
  /** Default: the file of the certificate, which then holds both. */
  privateKey: string | undefined;
  /** Authorities between the certificate and the trust anchor. */
  intermediates: string | undefined;
}

/** A certificate that may be shown, and the key that proves it. */
export interface Identity {
  readonly certificate: Certificate;
  /** Sent with it, in this order. */
  readonly chain: readonly Certificate[];
  readonly privateKey: KeyObject;
}

/**
 * Reads a machine's certificate, its intermediates and its key, and makes sure that IAM Roles
 * Anywhere has no reason of its own to refuse them.
 *
 * @throws DevaccessError those of `readCertificates`, `readPrivateKey` and `identity-checks.ts`
 */
export async function loadIdentity(
  files: IdentityFiles,
  passphrase: PassphraseSource,
  nowMs: number,
): Promise<Identity> {
  const { certificate, chain } = readPresented(files);
  checkCertificate(certificate, files.certificate, nowMs);
  checkChain(certificate, chain, nowMs);
  const keyFile = files.privateKey ?? files.certificate;
  const privateKey = await readPrivateKey(keyFile, passphrase);
  checkKey(certificate, privateKey, { certificate: files.certificate, key: keyFile });
  return { certificate, chain, privateKey };
}

/**
 * The certificate to show, and what is sent along: the file of intermediates in its order, else
 * those that follow in the certificate's own file and lead on from it. Never a root, which the
 * service must know by itself, nor the certificate a second time.
 *
 * @throws DevaccessError those of `readCertificates`
 */
export function readPresented({ certificate, intermediates }: IdentityFiles): {
  certificate: Certificate;
  chain: Certificate[];
} {
  const [leaf, ...following] = readCertificates(certificate);
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
