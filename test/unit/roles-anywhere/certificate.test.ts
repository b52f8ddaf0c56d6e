import fc from 'fast-check';
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { DerError } from '../../../src/platform/der.ts';
import { pemBlocks, pemText } from '../../../src/platform/pem.ts';
import { Certificate } from '../../../src/roles-anywhere/certificate.ts';
import { certificateData } from '../../../src/roles-anywhere/certificate-data.ts';
import { readCertificates } from '../../../src/roles-anywhere/certificate-file.ts';
import { pathFrom, presented, readLeaf } from '../../../src/roles-anywhere/identity.ts';
import { identityPlan } from '../../../src/roles-anywhere/session-plan.ts';
import { readVector } from '../../vectors/read-vector.ts';
import { vectorFiles, vectorText } from './vectors.ts';

const RECORDED = readVector('roles-anywhere/read-certificate-data.json') as Record<string, unknown>;
const { folder, path } = vectorFiles(
  'rsa-160bit-serial-cert.pem',
  'intermediate-cert.pem',
  'root-cert.pem',
  'rsa-key-pkcs8.pem',
);
afterAll(() => rmSync(folder, { recursive: true }));

const parsed = (file: string): Certificate => new Certificate(pemBlocks(vectorText(file))[0]!.der);
const failure = (code: string) => expect.objectContaining({ code }) as Error;

describe('a certificate', () => {
  it.each(Object.keys(RECORDED))('is read as aws_signing_helper reads it: %s', (name) => {
    expect(certificateData(parsed(`${name}-cert.pem`))).toEqual(RECORDED[name]);
  });

  it('tells what Node does not: version, use, authority, exact times', () => {
    expect(parsed('rsa-small-serial-cert.pem')).toMatchObject({
      version: 3,
      isAuthority: false,
      allowsDigitalSignature: true,
      allowsCertificateSigning: false,
      notBeforeMs: Date.UTC(2024, 0, 1),
      notAfterMs: Date.UTC(2044, 0, 1),
      signatureAlgorithm: 'ecdsa-with-SHA256',
      isWeaklySigned: false,
    });
    expect(parsed('intermediate-cert.pem')).toMatchObject({
      isAuthority: true,
      allowsDigitalSignature: true,
      allowsCertificateSigning: true,
    });
  });

  it('knows who issued whom', () => {
    const [leaf, middle, root] = [
      'rsa-160bit-serial-cert.pem',
      'intermediate-cert.pem',
      'root-cert.pem',
    ].map(parsed);
    expect(leaf!.isIssuedBy(middle!)).toBe(true);
    expect(leaf!.isIssuedBy(root!)).toBe(false);
    expect(root!.isSelfIssued).toBe(true);
    expect(pathFrom(leaf!, [root!, middle!])).toEqual([middle, root]);
  });

  it('that is damaged is refused, and never anything worse', () => {
    const { der } = parsed('p384-cert.pem');
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), fc.boolean(), (at, byte, isCut) => {
        const bytes = Buffer.from(isCut ? der.subarray(0, at) : der);
        if (!isCut) bytes[at] = byte;
        try {
          return new Certificate(bytes).version >= 1;
        } catch (error) {
          return error instanceof DerError;
        }
      }),
    );
  });
});

describe('a file of certificates', () => {
  const write = (text: string): string => {
    writeFileSync(path('file.pem'), text);
    return path('file.pem');
  };

  it('may hold comments, carriage returns and a key', () => {
    const text = `\uFEFFBag Attributes\r\n${vectorText('rsa-key-pkcs8.pem')}# mine\n${vectorText('root-cert.pem').replaceAll('\n', '\r\n')}${vectorText('p384-cert.pem')}`;
    expect(readCertificates(write(text))).toHaveLength(2);
    expect(readCertificates(write(`\uFEFF${vectorText('p384-cert.pem')}`))).toHaveLength(1);
  });

  it.each([
    ['', 'DA_CERTIFICATE_INVALID', /no PEM block/],
    [vectorText('rsa-key-pkcs8.pem'), 'DA_CERTIFICATE_INVALID', /only PRIVATE KEY/],
    [
      '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
      'DA_CERTIFICATE_INVALID',
      /Certificate 1 of .* is damaged/,
    ],
    [vectorText('root-cert.pem').slice(0, 300), 'DA_CERTIFICATE_INVALID', /no PEM block/],
  ])('that holds none is told apart: %#', (text, code, message) => {
    const read = (): unknown => readCertificates(write(text));
    expect(read).toThrow(failure(code));
    expect(read).toThrow(message);
  });

  it('with what OpenSSL alone finds damaged is told as such', () => {
    const { der } = parsed('p384-cert.pem');
    // The curve of the key is another; later a name is no text.
    const [key, name] = ['2b81040022', '550403'].map((hex) => der.indexOf(hex, 0, 'hex'));
    for (const at of [key!, name!]) {
      const damaged = Buffer.from(der);
      damaged[at - 1] = 0x7f;
      const [certificate] = readCertificates(write(pemText('CERTIFICATE', damaged)));
      expect(() => certificate.publicKey).toThrow(failure('DA_CERTIFICATE_INVALID'));
      expect(() => certificate.publicKey).toThrow(/^Certificate 1 of .*file\.pem is damaged/);
    }
  });

  it('in another format is told how to convert', () => {
    writeFileSync(path('file.pem'), parsed('root-cert.pem').der);
    expect(() => readCertificates(path('file.pem'))).toThrow(/is a certificate in DER/);
    writeFileSync(path('file.pem'), Buffer.from('3082000a0201033000', 'hex'));
    expect(() => readCertificates(path('file.pem'))).toThrow(failure('DA_KEY_STORE'));
  });

  it.each(['pkcs11:object=mine', 'handle:0x81000001'])('is not a store: %s', (name) => {
    expect(() => readCertificates(name)).toThrow(failure('DA_KEY_STORE'));
  });

  it('is not read beyond reason, nor where it is missing', () => {
    expect(() => readCertificates('/dev/zero')).toThrow(failure('DA_FILE_TOO_LARGE'));
    expect(() => readCertificates(path('none'))).toThrow(failure('DA_FILE_NOT_READABLE'));
    expect(() => readCertificates(folder)).toThrow(/it is a folder/);
  });
});

describe('what is sent along', () => {
  const certificate = path('rsa-160bit-serial-cert.pem');
  const sentAlong = async (intermediates: string | undefined, file = certificate) => {
    const plan = identityPlan({ certificate: file, intermediates }, {});
    return presented(plan, await readLeaf(plan)).chain.map(({ subject }) => subject);
  };
  const INTERMEDIATE = 'O=devaccess test vectors, CN=vector intermediate';

  it('is the bundle, without a root and without the certificate itself', async () => {
    const bundle = path('bundle.pem');
    writeFileSync(
      bundle,
      ['rsa-160bit-serial-cert.pem', 'intermediate-cert.pem', 'root-cert.pem']
        .map(vectorText)
        .join(''),
    );
    expect(await sentAlong(bundle)).toEqual([INTERMEDIATE]);
    expect(await sentAlong(undefined)).toEqual([]);
  });

  it('is else what follows in the file of the certificate and leads on from it', async () => {
    const full = path('fullchain.pem');
    writeFileSync(
      full,
      ['rsa-160bit-serial-cert.pem', 'p384-cert.pem', 'intermediate-cert.pem', 'root-cert.pem']
        .map(vectorText)
        .join(''),
    );
    expect(await sentAlong(undefined, full)).toEqual([INTERMEDIATE]);
  });
});
