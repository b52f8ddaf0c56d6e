import { execFileSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { derOid } from '../../../src/platform/der.ts';
import { pemBlocks } from '../../../src/platform/pem.ts';

/** Where packages of SoftHSM put it. */
const LIBRARY = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
].find((file) => existsSync(file));
const CURVES: Readonly<Record<string, string>> = {
  'P-256': '1.2.840.10045.3.1.7',
  'P-384': '1.3.132.0.34',
};

/** Whether PKCS#11 can be tried on this machine. */
export async function hasSoftHsm(): Promise<boolean> {
  if (LIBRARY === undefined) return false;
  return import('pkcs11js').then(
    () => true,
    () => false,
  );
}

/** PKCS#11 tokens in software (SoftHSM), in a folder of their own. */
export class SoftTokens {
  readonly library = LIBRARY ?? '';
  readonly #folder = mkdtempSync(join(tmpdir(), 'devaccess-tokens-'));

  constructor() {
    mkdirSync(join(this.#folder, 'tokens'));
    const config = join(this.#folder, 'softhsm2.conf');
    writeFileSync(config, `directories.tokendir = ${this.#folder}/tokens\nlog.level = ERROR\n`);
    process.env['SOFTHSM2_CONF'] = config;
  }

  remove(): void {
    delete process.env['SOFTHSM2_CONF'];
    rmSync(this.#folder, { recursive: true });
  }

  make(label: string, pin: string): void {
    const words = ['--init-token', '--free', '--label', label, '--pin', pin, '--so-pin', '0000'];
    execFileSync('softhsm2-util', words, { stdio: 'ignore' });
  }

  /** Puts a key, and its certificate, if any, into a token. */
  async put(
    [token, pin]: readonly [token: string, pin: string],
    names: { label: string; id: number; certificateLabel?: string },
    given: { privateKey: KeyObject; certificate?: string; isAlwaysAsking?: boolean },
  ): Promise<void> {
    const pkcs11 = await import('pkcs11js');
    const calls = new pkcs11.PKCS11();
    calls.load(this.library);
    calls.C_Initialize();
    try {
      const slot = calls
        .C_GetSlotList(true)
        .find((each) => calls.C_GetTokenInfo(each).label.trim() === token);
      const session = calls.C_OpenSession(slot!, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
      calls.C_Login(session, pkcs11.CKU_USER, pin);
      const id = { type: pkcs11.CKA_ID, value: Buffer.of(names.id) };
      calls.C_CreateObject(session, [
        { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PRIVATE_KEY },
        { type: pkcs11.CKA_TOKEN, value: true },
        { type: pkcs11.CKA_PRIVATE, value: true },
        { type: pkcs11.CKA_SIGN, value: true },
        { type: pkcs11.CKA_LABEL, value: names.label },
        ...(given.isAlwaysAsking === true
          ? [{ type: pkcs11.CKA_ALWAYS_AUTHENTICATE, value: true }]
          : []),
        id,
        ...keyAttributes(pkcs11, given.privateKey),
      ]);
      if (given.certificate === undefined) return;
      calls.C_CreateObject(session, [
        { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_CERTIFICATE },
        { type: pkcs11.CKA_CERTIFICATE_TYPE, value: pkcs11.CKC_X_509 },
        { type: pkcs11.CKA_TOKEN, value: true },
        { type: pkcs11.CKA_PRIVATE, value: false },
        { type: pkcs11.CKA_LABEL, value: names.certificateLabel ?? names.label },
        { type: pkcs11.CKA_SUBJECT, value: Buffer.from('3000', 'hex') },
        { type: pkcs11.CKA_VALUE, value: pemBlocks(given.certificate)[0]!.der },
        id,
      ]);
    } finally {
      calls.C_Finalize();
      calls.close();
    }
  }
}

type Pkcs11 = typeof import('pkcs11js');

function keyAttributes(pkcs11: Pkcs11, key: KeyObject): { type: number; value: number | Buffer }[] {
  const jwk = key.export({ format: 'jwk' }) as Record<string, string>;
  const bytes = (name: string): Buffer => Buffer.from(jwk[name] ?? '', 'base64url');
  if (key.asymmetricKeyType === 'ec') {
    return [
      { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_EC },
      { type: pkcs11.CKA_EC_PARAMS, value: derOid(CURVES[jwk['crv'] ?? ''] ?? '') },
      { type: pkcs11.CKA_VALUE, value: bytes('d') },
    ];
  }
  return [
    { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_RSA },
    { type: pkcs11.CKA_MODULUS, value: bytes('n') },
    { type: pkcs11.CKA_PUBLIC_EXPONENT, value: bytes('e') },
    { type: pkcs11.CKA_PRIVATE_EXPONENT, value: bytes('d') },
    { type: pkcs11.CKA_PRIME_1, value: bytes('p') },
    { type: pkcs11.CKA_PRIME_2, value: bytes('q') },
    { type: pkcs11.CKA_EXPONENT_1, value: bytes('dp') },
    { type: pkcs11.CKA_EXPONENT_2, value: bytes('dq') },
    { type: pkcs11.CKA_COEFFICIENT, value: bytes('qi') },
  ];
}
