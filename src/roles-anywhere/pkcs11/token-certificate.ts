import { Certificate } from '../certificate.ts';
import { objectError } from './pkcs11-errors.ts';
import { withLibrary } from './pkcs11-library.ts';
import { attribute, objectsOf, withTokens } from './tokens.ts';
import type { TokenObject } from './tokens.ts';
import { parsePkcs11Uri, pkcs11Uri } from './pkcs11-uri.ts';

/**
 * The one certificate that a name fits. Certificates are no secrets: no PIN is asked for.
 *
 * @param library see `withLibrary`
 * @throws DevaccessError DA_PKCS11_OBJECT for none, or several; DA_PKCS11_LIBRARY, DA_PKCS11
 */
export function tokenCertificate(uri: string, library: string | undefined): Promise<Certificate> {
  const name = parsePkcs11Uri(uri);
  return withLibrary(library, (opened) =>
    withTokens(opened, name, (tokens) => {
      const { constants } = opened;
      const found = new Map<string, { certificate: Certificate; object: TokenObject }>();
      for (const object of tokens.flatMap((token) =>
        objectsOf(token, constants.CKO_CERTIFICATE, name),
      )) {
        const der = attribute(object.token, object.handle, constants.CKA_VALUE);
        // Several tokens may hold the same one.
        if (der !== undefined && !found.has(der.toString('hex'))) {
          found.set(der.toString('hex'), { certificate: readable(der, object), object });
        }
      }
      return Promise.resolve(onlyOne([...found.values()], name.text));
    }),
  );
}

function onlyOne(
  found: readonly { certificate: Certificate; object: TokenObject }[],
  name: string,
): Certificate {
  const [first, ...others] = found;
  if (first === undefined) {
    throw objectError(
      `No token holds a certificate that fits ${name}`,
      'pkcs11-tool -O shows what is there; with the certificate in a file: --certificate FILE --private-key pkcs11:…',
    );
  }
  if (others.length === 0) return first.certificate;
  const each = found.map(({ certificate, object }) => `${uriOf(object)} (${certificate.subject})`);
  throw objectError(`${found.length} certificates fit ${name}: ${each.join(', ')}`, 'name one');
}

function readable(der: Buffer, object: TokenObject): Certificate {
  try {
    return new Certificate(der, `The certificate ${uriOf(object)}`);
  } catch {
    throw objectError(`${uriOf(object)} is no X.509 certificate`, 'name another');
  }
}

/** For a person to copy. */
export function uriOf({ token, id, label }: TokenObject): string {
  return pkcs11Uri({ token: token.label, id, object: label });
}
