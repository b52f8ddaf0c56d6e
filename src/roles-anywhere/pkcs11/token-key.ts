import { createHash, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Mechanism } from 'pkcs11js';
import { DevaccessError } from '../../platform/errors.ts';
import { DER_TAG, der, derInteger, derOid } from '../../platform/der.ts';
import type { Certificate } from '../certificate.ts';
import type { KeyWorld } from '../open-key.ts';
import type { Digest, Signer } from '../signer.ts';
import { objectError, tokenError } from './pkcs11-errors.ts';
import { withLibrary } from './pkcs11-library.ts';
import type { Library } from './pkcs11-library.ts';
import { parsePkcs11Uri } from './pkcs11-uri.ts';
import type { Pkcs11Name } from './pkcs11-uri.ts';
import type { TokenAccess } from './token-access.ts';
import { uriOf } from './token-certificate.ts';
import { logIn, logInForSignature } from './token-login.ts';
import { attribute, numberOf, objectsOf, withTokens } from './tokens.ts';
import type { Token, TokenObject } from './tokens.ts';

/** Of an RSA key of 8192 bits. */
const MAX_SIGNATURE_BYTES = 1024;
const DIGEST_OIDS: Readonly<Record<Digest, string>> = {
  SHA256: '2.16.840.1.101.3.4.2.1',
  SHA384: '2.16.840.1.101.3.4.2.2',
  SHA512: '2.16.840.1.101.3.4.2.3',
};

/**
 * Signs with the key in a token. Each signature opens the token anew, and is checked against the
 * certificate before anybody gets it: many tokens tell no more of a key than what it signs.
 *
 * @param uri name of the key, or of the certificate, which then has its key beside it
 */
export function tokenSigner(
  uri: string,
  certificate: Certificate,
  access: TokenAccess,
  world: KeyWorld,
): Signer {
  const name = parsePkcs11Uri(uri);
  const { publicKey } = certificate;
  return {
    publicKey,
    sign: async (digest, data) => {
      const signature = await withLibrary(access.library, (library) =>
        withTokens(library, name, async (tokens) => {
          const { key, pin } = await findKey(tokens, name, { certificate, access, world });
          return signWith(key, { digest, data, publicKey }, () =>
            logInForSignature(key.token, pin, access, world),
          );
        }),
      );
      if (verify(digest, data, publicKey, signature)) return signature;
      throw mismatch(name, certificate);
    },
  };
}

function mismatch(name: Pkcs11Name, certificate: Certificate): DevaccessError {
  return new DevaccessError(
    'DA_KEY_MISMATCH',
    `The private key ${name.text} is not that of the certificate of ${certificate.subject}`,
    { next: 'name the two that were made for one another' },
  );
}

interface KeySearch {
  certificate: Certificate;
  access: TokenAccess;
  world: KeyWorld;
}

/** Logs in where the key cannot be seen without, and to one token only. */
async function findKey(
  tokens: readonly Token[],
  name: Pkcs11Name,
  { certificate, access, world }: KeySearch,
): Promise<{ key: TokenObject; pin: string | undefined }> {
  const open = onlyOne(
    tokens.flatMap((token) => keysIn(token, name, certificate)),
    name,
  );
  if (open !== undefined) return { key: open, pin: undefined };
  const token = tokenToOpen(tokens, name, certificate);
  const pin = await logIn(token, access, world);
  const key = onlyOne(keysIn(token, name, certificate), name);
  if (key !== undefined) return { key, pin };
  if (keysNamed(token, name).length > 0) throw mismatch(name, certificate);
  throw objectError(
    `The token ${token.label} holds no private key that fits ${name.text}`,
    'pkcs11-tool -O --login shows what is there; name it with --private-key pkcs11:…',
  );
}

/** A PIN goes to no token that may not be the one: trust stores and other cards are tokens, too. */
function tokenToOpen(tokens: readonly Token[], name: Pkcs11Name, certificate: Certificate): Token {
  const closed = tokens.filter(({ library, slot }) => {
    const { flags } = library.calls.C_GetTokenInfo(slot);
    return (flags & library.constants.CKF_LOGIN_REQUIRED) !== 0;
  });
  const known = closed.length > 1 ? closed.filter((each) => knows(each, certificate)) : [];
  const candidates = known.length > 0 ? known : closed;
  const [token, ...others] = candidates;
  if (token !== undefined && others.length === 0) return token;
  if (token === undefined) {
    throw objectError(
      `No token holds a private key that fits ${name.text}`,
      'plug it in; pkcs11-tool -L shows the tokens that are there',
    );
  }
  const labels = candidates.map(({ label, serial }) => `${label} (serial ${serial})`);
  throw objectError(
    `${candidates.length} tokens fit ${name.text}: ${labels.join(', ')}`,
    'name one with token= or serial=',
  );
}

/** Whether a token shows the certificate, or its public key, to everybody. */
function knows(token: Token, { der: wanted, publicKey }: Certificate): boolean {
  const { constants } = token.library;
  const anything = { id: undefined, object: undefined };
  const values = (objectClass: number, type: number): Buffer[] =>
    objectsOf(token, objectClass, anything).flatMap(
      ({ handle }) => attribute(token, handle, type) ?? [],
    );
  if (values(constants.CKO_CERTIFICATE, constants.CKA_VALUE).some((each) => each.equals(wanted))) {
    return true;
  }
  const { n = '', x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const isRsa = publicKey.asymmetricKeyType === 'rsa';
  const end = Buffer.concat((isRsa ? [n] : [x, y]).map((part) => Buffer.from(part, 'base64url')));
  const type = isRsa ? constants.CKA_MODULUS : constants.CKA_EC_POINT;
  // Some put a zero, a tag and a length in front.
  return values(constants.CKO_PUBLIC_KEY, type).some((each) =>
    each.subarray(-end.length).equals(end),
  );
}

function keysIn(token: Token, name: Pkcs11Name, certificate: Certificate): TokenObject[] {
  return keysNamed(token, name).filter((key) => mayBeOf(key, certificate.publicKey));
}

function keysNamed(token: Token, name: Pkcs11Name): TokenObject[] {
  const { CKO_PRIVATE_KEY, CKO_CERTIFICATE } = token.library.constants;
  const named = objectsOf(token, CKO_PRIVATE_KEY, name);
  if (named.length > 0 || name.object === undefined) return named;
  // The label of a certificate need not be that of its key; their id is the same by convention.
  return objectsOf(token, CKO_CERTIFICATE, name)
    .filter(({ id }) => id.length > 0)
    .flatMap(({ id }) => objectsOf(token, CKO_PRIVATE_KEY, { id, object: undefined }));
}

/** Whether nothing that the token tells of a key speaks against it. */
function mayBeOf({ token, handle }: TokenObject, publicKey: KeyObject): boolean {
  const { constants } = token.library;
  const isRsa = publicKey.asymmetricKeyType === 'rsa';
  const type = attribute(token, handle, constants.CKA_KEY_TYPE);
  if (type !== undefined && numberOf(type) !== (isRsa ? constants.CKK_RSA : constants.CKK_EC)) {
    return false;
  }
  const modulus = isRsa ? attribute(token, handle, constants.CKA_MODULUS) : undefined;
  if (modulus === undefined || modulus.length === 0) return true;
  const { n = '' } = publicKey.export({ format: 'jwk' });
  const plain = (bytes: Buffer): string => bytes.toString('hex').replace(/^(?:00)+/, '');
  return plain(modulus) === plain(Buffer.from(n, 'base64url'));
}

function onlyOne(keys: readonly TokenObject[], name: Pkcs11Name): TokenObject | undefined {
  if (keys.length <= 1) return keys[0];
  throw objectError(
    `${keys.length} private keys fit ${name.text}: ${keys.map(uriOf).join(', ')}`,
    'name one with --private-key',
  );
}

/** The hash is made here: not all tokens make it. */
async function signWith(
  { token, handle }: TokenObject,
  { digest, data, publicKey }: { digest: Digest; data: Buffer; publicKey: KeyObject },
  logInAgain: () => Promise<void>,
): Promise<Buffer> {
  const { library, session, label } = token;
  const { calls, constants } = library;
  const hash = createHash(digest).update(data).digest();
  const isRsa = publicKey.asymmetricKeyType === 'rsa';
  const wantsPin = attribute(token, handle, constants.CKA_ALWAYS_AUTHENTICATE)?.[0] === 1;
  try {
    calls.C_SignInit(session, mechanismOf(library, isRsa), handle);
    if (wantsPin) await logInAgain();
    const toSign = isRsa ? digestInfo(digest, hash) : hash;
    const signature = await calls.C_SignAsync(session, toSign, Buffer.alloc(MAX_SIGNATURE_BYTES));
    return isRsa ? signature : derSignature(signature);
  } catch (error) {
    throw tokenError(error, `The token ${label} did not sign`);
  }
}

function mechanismOf({ constants }: Library, isRsa: boolean): Mechanism {
  return { mechanism: isRsa ? constants.CKM_RSA_PKCS : constants.CKM_ECDSA };
}

/** What PKCS#1 v1.5 pads (RFC 8017, 9.2). */
function digestInfo(digest: Digest, hash: Buffer): Buffer {
  const algorithm = der(DER_TAG.sequence, derOid(DIGEST_OIDS[digest]), der(DER_TAG.null));
  return der(DER_TAG.sequence, algorithm, der(DER_TAG.octetString, hash));
}

/** Tokens give the two numbers one after the other. */
function derSignature(signature: Buffer): Buffer {
  const half = signature.length / 2;
  const [r, s] = [signature.subarray(0, half), signature.subarray(half)].map((bytes) =>
    derInteger(BigInt(`0x${bytes.toString('hex') || '0'}`)),
  );
  return der(DER_TAG.sequence, r ?? Buffer.alloc(0), s ?? Buffer.alloc(0));
}
