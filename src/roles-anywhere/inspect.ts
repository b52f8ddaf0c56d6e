import { isoSeconds } from '../aws/expiration.ts';
import { DevaccessError } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import type { Certificate } from './certificate.ts';
import { certificateData, keyType } from './certificate-data.ts';
import type { CertificateData } from './certificate-data.ts';
import { isNearEnd } from './certificate-end.ts';
import { readCertificates } from './certificate-file.ts';
import { pathFrom, presented, readLeaf } from './identity.ts';
import { checkCertificate, checkChain } from './identity-checks.ts';
import { keyName, openSigner } from './open-key.ts';
import type { KeyWorld } from './open-key.ts';
import { isPkcs11Uri } from './pkcs11/pkcs11-uri.ts';
import { holdsPrivateKey } from './private-key.ts';
import { sessionPlan } from './session-plan.ts';
import { signTestMessage } from './signing-test.ts';
import type { IdentityPlan } from './session-plan.ts';
import type { GivenCredentials } from './options.ts';

const DAY_MS = 86_400_000;

/** A certificate in public facts. */
export interface CertificateFacts {
  subject: string;
  issuer: string;
  /** Upper-case hex, as OpenSSL shows it. */
  serialNumberHex: string;
  version: number;
  key: string;
  signatureAlgorithm: string;
  /** Null where the certificate does not say. */
  digitalSignature: boolean | null;
  notBefore: string;
  notAfter: string;
  daysLeft: number;
  /** SHA-256. */
  fingerprint: string;
}

export interface Problem {
  code: string;
  message: string;
  next: string | null;
}

export interface Inspection extends CertificateData {
  certificate: CertificateFacts;
  /** Sent along, in this order. */
  chain: CertificateFacts[];
  /** Whom the trust anchor must know. */
  topIssuer: string;
  /** Whether the key is the certificate's; null where none was looked at. */
  keyMatches: boolean | null;
  /** What a request would be; null where no ARNs were given. */
  request: { url: string; region: string; algorithm: string; signer: string } | null;
  /** For which the service would refuse. */
  problems: Problem[];
  /** What is worth knowing. */
  notes: string[];
}

interface InspectionOptions {
  plan: IdentityPlan;
  given: GivenCredentials;
  /** File of what the trust anchor holds. */
  anchorFile: string | undefined;
}

interface InspectionWorld extends KeyWorld {
  env: Environment;
  nowMs: number;
}

/**
 * Looks at a machine's certificate, chain and key as the service will, and tells all that is wrong
 * at once. Asks nobody.
 *
 * @throws DevaccessError where a file cannot be read at all; DA_USAGE
 */
export async function inspect(
  { plan, given, anchorFile }: InspectionOptions,
  world: InspectionWorld,
): Promise<Inspection> {
  const { certificate, chain } = presented(plan, await readLeaf(plan));
  const problems: Problem[] = [];
  const collect = async (check: () => void | Promise<void>): Promise<boolean> => {
    try {
      await check();
      return true;
    } catch (error) {
      if (!(error instanceof DevaccessError)) throw error;
      problems.push({ code: error.code, message: error.message, next: error.next ?? null });
      return false;
    }
  };
  await collect(() => checkCertificate(certificate, plan.files.certificate, world.nowMs));
  await collect(() => checkChain(certificate, chain, world.nowMs));
  const name = keyName(plan);
  const hasKey = plan.files.privateKey !== undefined || isPkcs11Uri(name) || holdsPrivateKey(name);
  const keyMatches = hasKey && (await collect(() => tryKey(certificate, plan, world)));
  if (anchorFile !== undefined) await collect(() => checkAnchor(certificate, chain, anchorFile));
  const path = pathFrom(certificate, chain);
  return {
    ...certificateData(certificate),
    certificate: facts(certificate, world.nowMs),
    chain: chain.map((each) => facts(each, world.nowMs)),
    topIssuer: (path.at(-1) ?? certificate).issuer,
    keyMatches: hasKey ? keyMatches : null,
    request: await plannedRequest(certificate, given, world.env),
    problems,
    notes: notesOn(certificate, chain, path, world.nowMs),
  };
}

async function tryKey(
  certificate: Certificate,
  plan: IdentityPlan,
  world: InspectionWorld,
): Promise<void> {
  const signer = await openSigner(plan, certificate, world);
  // Of a token's key, its signature alone tells whose it is.
  await signTestMessage(signer, 'SHA256');
}

function checkAnchor(leaf: Certificate, chain: readonly Certificate[], anchorFile: string): void {
  const anchors = readCertificates(anchorFile);
  const top = pathFrom(leaf, chain).at(-1) ?? leaf;
  if (
    anchors.some((anchor) => top.isIssuedBy(anchor) || chain.some((each) => each.equals(anchor)))
  ) {
    return;
  }
  throw new DevaccessError(
    'DA_CERTIFICATE_UNTRUSTED',
    `No certificate in ${anchorFile} issued ${top.subject}; its issuer is ${top.issuer}`,
    { next: 'send what lies between with --intermediates, or give the trust anchor that issuer' },
  );
}

async function plannedRequest(
  certificate: Certificate,
  given: GivenCredentials,
  env: Environment,
): Promise<Inspection['request']> {
  if (given['trust-anchor-arn'] === undefined) return null;
  const { arns, endpoint } = await sessionPlan(given, env);
  const isRsa = keyType(certificate) === 'RSA';
  return {
    url: `${endpoint.href.replace(/\/$/, '')}/sessions`,
    region: arns.region,
    algorithm: `AWS4-X509-${isRsa ? 'RSA' : 'ECDSA'}-SHA256`,
    signer: certificate.serialNumber.toString(),
  };
}

function facts(certificate: Certificate, nowMs: number): CertificateFacts {
  const { asymmetricKeyDetails: details } = certificate.publicKey;
  const size = details?.namedCurve ?? (details?.modulusLength ?? '').toString();
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    serialNumberHex: certificate.serialNumber.toString(16).toUpperCase(),
    version: certificate.version,
    key: `${keyType(certificate)} ${size}`.trim(),
    signatureAlgorithm: certificate.signatureAlgorithm,
    digitalSignature: certificate.allowsDigitalSignature ?? null,
    notBefore: isoSeconds(certificate.notBeforeMs),
    notAfter: isoSeconds(certificate.notAfterMs),
    daysLeft: Math.floor((certificate.notAfterMs - nowMs) / DAY_MS),
    fingerprint: certificate.fingerprint,
  };
}

function notesOn(
  certificate: Certificate,
  chain: readonly Certificate[],
  path: readonly Certificate[],
  nowMs: number,
): string[] {
  const soon = [certificate, ...path].filter((each) => isNearEnd(each, nowMs));
  const unused = chain.filter((each) => !path.includes(each));
  return [
    ...soon.map(
      ({ subject, notAfterMs }) =>
        `${subject} expires on ${isoSeconds(notAfterMs)}: have it renewed in time`,
    ),
    ...unused.map(({ subject }) => `the chain does not need ${subject}`),
    ...(certificate.allowsDigitalSignature === undefined
      ? ['the certificate states no key usage; the service asks for digitalSignature']
      : []),
  ];
}
