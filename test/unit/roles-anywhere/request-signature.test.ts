import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Certificate } from '../../../src/roles-anywhere/certificate.ts';
import { canonicalQuery, signRequest } from '../../../src/roles-anywhere/request-signature.ts';
import { pemBlocks } from '../../../src/platform/pem.ts';
import { keySigner } from '../../../src/roles-anywhere/signer.ts';
import { SIGNING_VECTORS, vectorText } from './vectors.ts';
import type { SigningVector } from './vectors.ts';

const certificateOf = (file: string): Certificate =>
  new Certificate(pemBlocks(vectorText(file))[0]!.der);

function signed(vector: SigningVector, headers = vector.headers_to_sign) {
  const { serialNumber } = certificateOf(vector.certificate_file);
  const signer = keySigner(createPrivateKey(vectorText(vector.key_file)));
  const { query, body } = vector;
  return signRequest({ query, headers, body }, { serialNumber, signer }, vector.region);
}

describe.each(SIGNING_VECTORS)('the recorded request $id', (vector) => {
  it('is signed byte for byte', async () => {
    const signature = await signed(vector);
    expect(signature.canonicalRequest).toBe(vectorText(`${vector.id}.canonical-request.txt`));
    expect(signature.stringToSign).toBe(vectorText(`${vector.id}.string-to-sign.txt`));
    expect(canonicalQuery(vector.query)).toBe(vector.canonical_query_string);
    const upToSignature = (text: string): string => text.replace(/Signature=.*/, '');
    expect(upToSignature(signature.authorization)).toBe(upToSignature(vector.authorization));
    if (vector.signature_deterministic) {
      expect(signature.authorization).toBe(vector.authorization);
    }
  });

  it('carries a signature that the certificate verifies', async () => {
    const { publicKey } = certificateOf(vector.certificate_file);
    const isGood = (hex: string): boolean =>
      verify('sha256', Buffer.from(vector.string_to_sign), publicKey, Buffer.from(hex, 'hex'));
    const { authorization } = await signed(vector);
    const ours = /Signature=([0-9a-f]+)$/.exec(authorization)?.[1] ?? '';
    expect(isGood(ours)).toBe(true);
    expect(isGood(vector.signature_hex)).toBe(true);
    if (vector.signature_rfc6979_hex !== undefined) {
      expect(isGood(vector.signature_rfc6979_hex)).toBe(true);
    }
  });

  it('is the same whatever the case and order of its headers, and whatever is not signed', async () => {
    const reversed = Object.entries(vector.headers_to_sign)
      .reverse()
      .map(([name, value]) => [name.toUpperCase(), `  ${value.replaceAll(' ', '   ')} `] as const);
    const headers = { ...Object.fromEntries(reversed), 'User-Agent': 'x', Authorization: 'y' };
    expect((await signed(vector, headers)).canonicalRequest).toBe(vector.canonical_request);
  });
});

it('signs with SHA-256 whatever curve the key is on', async () => {
  const vector = SIGNING_VECTORS.find(({ id }) => id === 'ecdsa-p256-body')!;
  const privateKey = createPrivateKey(vectorText('p384-key-sec1.pem'));
  const { query, headers_to_sign: headers, body, region } = vector;
  const signing = { serialNumber: 1n, signer: keySigner(privateKey) };
  const signature = await signRequest({ query, headers, body }, signing, region);
  expect(signature.authorization).toMatch(/^AWS4-X509-ECDSA-SHA256 Credential=1\//);
  const hex = /Signature=([0-9a-f]+)$/.exec(signature.authorization)![1]!;
  const isGood = verify(
    'sha256',
    Buffer.from(signature.stringToSign),
    createPublicKey(privateKey),
    Buffer.from(hex, 'hex'),
  );
  expect(isGood).toBe(true);
});
