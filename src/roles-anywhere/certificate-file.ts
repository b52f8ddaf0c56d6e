import { DevaccessError } from '../platform/errors.ts';
import { pemBlocks } from '../platform/pem.ts';
import { readBounded } from '../platform/read-bounded.ts';
import { Certificate } from './certificate.ts';
import { refuseForeignStore } from './key-store.ts';

/** A bundle of all the authorities of the web is a quarter of this. */
export const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Reads the certificates of a PEM file in their order; keys and what else is in it are passed over.
 *
 * @returns at least one
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_TOO_LARGE; DA_CERTIFICATE_INVALID;
 *   DA_KEY_STORE for a name or a file of something that cannot be read yet
 */
export function readCertificates(path: string): [Certificate, ...Certificate[]] {
  refuseForeignStore(path);
  const { text } = readBounded(path, MAX_FILE_BYTES);
  const blocks = pemBlocks(text).filter(({ label }) =>
    /^(?:X509 |TRUSTED )?CERTIFICATE$/.test(label),
  );
  const [first, ...others] = blocks.map(({ der }, index) => {
    const source = `Certificate ${index + 1} of ${path}`;
    try {
      return new Certificate(der, source);
    } catch (error) {
      throw invalid(`${source} is damaged`, 'get the file anew', error);
    }
  });
  if (first !== undefined) return [first, ...others];
  throw text.startsWith('0') ? binaryFile(path, text) : noCertificate(path, text);
}

function noCertificate(path: string, text: string): DevaccessError {
  const blocks = pemBlocks(text).map(({ label }) => label);
  const isWide = /^(?:\xff\xfe|\xfe\xff)/.test(text);
  const none = isWide ? 'it is UTF-16, save it as plain text' : 'no PEM block';
  const found = blocks.length === 0 ? none : `only ${[...new Set(blocks)].join(', ')}`;
  return invalid(
    `${path} holds no certificate: ${found}`,
    'name the PEM file that has -----BEGIN CERTIFICATE-----',
  );
}

/** DER begins with the character 0: a certificate alone, or a PKCS#12 container. */
function binaryFile(path: string, text: string): DevaccessError {
  try {
    new Certificate(Buffer.from(text, 'latin1'));
  } catch {
    return new DevaccessError(
      'DA_KEY_STORE',
      `${path} may be a PKCS#12 file, which is not supported yet`,
      {
        next: `take it apart: openssl pkcs12 -in ${path} -nodes -out FILE.pem (chmod 600 it first), then --certificate FILE.pem`,
      },
    );
  }
  return invalid(
    `${path} is a certificate in DER, not in PEM`,
    `convert it: openssl x509 -inform DER -in ${path} -out FILE.pem`,
  );
}

function invalid(message: string, next: string, cause?: unknown): DevaccessError {
  return new DevaccessError('DA_CERTIFICATE_INVALID', message, { next, cause });
}
