import { DevaccessError } from '../platform/errors.ts';

/** Where keys live that aws_signing_helper reaches and devaccess does not yet. */
const FOREIGN_NAMES: readonly [RegExp, string][] = [
  // Keys and certificates are read from tokens; what is sent along is not.
  [/^pkcs11:/i, 'A chain in a PKCS#11 token'],
  [/^handle:/i, 'A TPM key handle'],
];

/**
 * Refuses names of certificates and keys that are not files.
 *
 * @throws DevaccessError DA_KEY_STORE
 */
export function refuseForeignStore(name: string): void {
  const found = FOREIGN_NAMES.find(([form]) => form.test(name));
  if (found !== undefined) throw notSupportedYet(found[1]);
}

/** @param what such as `A PKCS#11 token` */
export function notSupportedYet(what: string): DevaccessError {
  return new DevaccessError('DA_KEY_STORE', `${what} is not supported yet`, {
    next: 'keep key and certificate in PEM files, or use aws_signing_helper for this one',
  });
}
