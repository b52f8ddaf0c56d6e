import { Secret, TOTP, URI } from 'otpauth';
import { DevaccessError, EXIT } from '../platform/errors.ts';

/** What the virtual MFA devices of IAM do (RFC 6238). */
const PARAMETERS = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
export const STEP_MS = PARAMETERS.period * 1000;
/** 80 bits; those of IAM have 320. */
const MIN_SEED_BYTES = 10;

/**
 * Reads a seed as IAM's console shows it (base32, in groups or not), or the otpauth:// address of its QR
 * code.
 *
 * @returns base32 without blanks and padding
 * @throws DevaccessError DA_USAGE; the message holds nothing of the seed
 */
export function parseSeed(text: string): string {
  const trimmed = text.trim();
  const secret = /^otpauth:/i.test(trimmed) ? secretOfUri(trimmed) : secretOf(trimmed);
  if (secret !== undefined && secret.bytes.length >= MIN_SEED_BYTES) return secret.base32;
  throw new DevaccessError('DA_USAGE', 'This is not the seed of a virtual MFA device', {
    next: 'give the secret configuration key that IAM shows (letters A-Z, digits 2-7), or the otpauth:// address of its QR code',
    exitCode: EXIT.usage,
  });
}

/** The code of a time step, as the device shows it. */
export function totpCode(seed: string, step: number): string {
  const totp = new TOTP({ ...PARAMETERS, secret: Secret.fromBase32(seed) });
  return totp.generate({ timestamp: step * STEP_MS });
}

function secretOf(text: string): Secret | undefined {
  const base32 = text.replace(/[\s-]/g, '').replace(/=+$/, '').toUpperCase();
  return /^[A-Z2-7]+$/.test(base32) ? Secret.fromBase32(base32) : undefined;
}

function secretOfUri(text: string): Secret | undefined {
  try {
    const totp = URI.parse(text);
    const isOne =
      totp instanceof TOTP &&
      totp.algorithm === PARAMETERS.algorithm &&
      totp.digits === PARAMETERS.digits &&
      totp.period === PARAMETERS.period;
    return isOne ? totp.secret : undefined;
  } catch {
    return undefined;
  }
}
