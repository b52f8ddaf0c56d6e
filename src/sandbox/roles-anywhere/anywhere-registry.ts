import { randomUUID } from 'node:crypto';
import { pemBlocks } from '../../platform/pem.ts';
import { ServiceError } from '../service-error.ts';
import { isAuthority } from './certificate-path.ts';
import { parseCertificate } from './presented-certificate.ts';
import type { PresentedCertificate } from './presented-certificate.ts';

/** An authority that the account trusts. */
export interface TrustAnchor {
  readonly trustAnchorId: string;
  readonly trustAnchorArn: string;
  readonly region: string;
  readonly name: string;
  readonly x509CertificateData: string;
  readonly certificates: readonly PresentedCertificate[];
  readonly createdAtMs: number;
  updatedAtMs: number;
  enabled: boolean;
}

/** Roles that machines may have, and for how long. */
export interface AnywhereProfile {
  readonly profileId: string;
  readonly profileArn: string;
  readonly region: string;
  readonly name: string;
  readonly roleArns: readonly string[];
  readonly durationSeconds: number;
  readonly acceptRoleSessionName: boolean;
  readonly createdBy: string;
  readonly createdAtMs: number;
  updatedAtMs: number;
  enabled: boolean;
}

interface NewTrustAnchor {
  region: string;
  name: string;
  x509CertificateData: string;
  enabled: boolean;
}

interface NewProfile {
  region: string;
  name: string;
  roleArns: readonly string[];
  durationSeconds: number;
  acceptRoleSessionName: boolean;
  enabled: boolean;
  createdBy: string;
}

/** The trust anchors and profiles of the account. */
export class AnywhereRegistry {
  readonly trustAnchors = new Map<string, TrustAnchor>();
  readonly profiles = new Map<string, AnywhereProfile>();
  readonly #accountId: string;
  readonly #now: () => number;

  constructor(accountId: string, now: () => number) {
    this.#accountId = accountId;
    this.#now = now;
  }

  /** @throws ServiceError ValidationException for what is not an authority's certificate */
  createTrustAnchor({ region, name, x509CertificateData, enabled }: NewTrustAnchor): TrustAnchor {
    const trustAnchorId = randomUUID();
    const nowMs = this.#now();
    const anchor: TrustAnchor = {
      trustAnchorId,
      trustAnchorArn: this.#arn(region, `trust-anchor/${trustAnchorId}`),
      region,
      name,
      x509CertificateData,
      certificates: authorities(x509CertificateData),
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      enabled,
    };
    this.trustAnchors.set(trustAnchorId, anchor);
    return anchor;
  }

  createProfile(given: NewProfile): AnywhereProfile {
    const profileId = randomUUID();
    const nowMs = this.#now();
    const profile: AnywhereProfile = {
      ...given,
      profileId,
      profileArn: this.#arn(given.region, `profile/${profileId}`),
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    };
    this.profiles.set(profileId, profile);
    return profile;
  }

  #arn(region: string, resource: string): string {
    return `arn:aws:rolesanywhere:${region}:${this.#accountId}:${resource}`;
  }
}

function authorities(pem: string): PresentedCertificate[] {
  const blocks = pemBlocks(pem).filter(({ label }) => label === 'CERTIFICATE');
  if (blocks.length === 0)
    throw new ServiceError('ValidationException', 'Unable to parse certificate');
  return blocks.map(({ der }) => {
    let certificate: PresentedCertificate;
    try {
      certificate = parseCertificate(der);
    } catch {
      throw new ServiceError('ValidationException', 'Unable to parse certificate');
    }
    if (isAuthority(certificate)) return certificate;
    throw new ServiceError(
      'ValidationException',
      'Incorrect basic constraints for CA certificate.',
    );
  });
}
