import { randomBytes, randomInt } from 'node:crypto';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function randomText(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/**
 * A unique IAM id: a four-letter prefix (AGPA group, AIDA user, AIPA instance profile, AKIA key,
 * ANPA policy, AROA role, ASIA temporary key).
 */
export function randomIamId(
  prefix: 'AGPA' | 'AIDA' | 'AIPA' | 'AKIA' | 'ANPA' | 'AROA' | 'ASIA',
): string {
  return prefix + randomText(BASE32, 16);
}

/** A 40-character secret access key. */
export function randomSecretKey(): string {
  return randomBytes(30).toString('base64');
}

/** The seed of a virtual MFA device: 64 base32 characters, as CreateVirtualMFADevice gives. */
export function randomMfaSeed(): string {
  return randomText(BASE32, 64);
}

/** The code of an activation: 20 characters of base64, as the service's are. */
export function randomActivationCode(): string {
  return randomBytes(15).toString('base64');
}

/** `<prefix>-` and 17 hex digits: instances, reservations, images, networks, hybrid nodes. */
export function randomResourceId(prefix: string): string {
  return `${prefix}-${randomBytes(9).toString('hex').slice(0, 17)}`;
}
