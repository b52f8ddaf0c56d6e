import type { Certificate } from './certificate.ts';

/** What `aws_signing_helper read-certificate-data` prints of a certificate. */
export interface CertificateData {
  keyType: string;
  /** Base64 of its DER. */
  certificateData: string;
  /** In decimal. */
  serialNumber: string;
  supportedAlgorithms: string[];
}

const KEY_TYPES: Readonly<Record<string, string>> = { rsa: 'RSA', ec: 'EC' };
const DIGESTS = ['SHA256', 'SHA384', 'SHA512'] as const;

/** `RSA` and `EC`; Node's name of what IAM Roles Anywhere does not take. */
export function keyType({ publicKey }: Certificate): string {
  const type = publicKey.asymmetricKeyType ?? 'unknown';
  return KEY_TYPES[type] ?? type;
}

/** The facts of a certificate in the form other tools read. */
export function certificateData(certificate: Certificate): CertificateData {
  const type = keyType(certificate);
  return {
    keyType: type,
    certificateData: certificate.der.toString('base64'),
    serialNumber: certificate.serialNumber.toString(),
    supportedAlgorithms: DIGESTS.map((digest) => type + digest),
  };
}
