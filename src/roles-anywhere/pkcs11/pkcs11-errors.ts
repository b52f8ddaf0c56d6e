/** What a PKCS#11 library or token refused, for the person who must put it right. */
import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';

/** Return values of the standard (PKCS #11 2.40, `CKR_…`) that say something of their own. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['CKR_DEVICE_REMOVED', 'it was taken out'],
  ['CKR_TOKEN_NOT_PRESENT', 'it was taken out'],
  ['CKR_FUNCTION_CANCELED', 'it was cancelled, or nobody touched it in time'],
  ['CKR_KEY_FUNCTION_NOT_PERMITTED', 'the key is not made for signing'],
  ['CKR_MECHANISM_INVALID', 'it cannot sign that way'],
]);

/** What the token says of a PIN. */
const PIN_REASONS: ReadonlyMap<string, string> = new Map([
  ['CKR_PIN_INCORRECT', 'The PIN is wrong'],
  ['CKR_PIN_INVALID', 'The PIN is wrong'],
  ['CKR_PIN_LEN_RANGE', 'The PIN is too short or too long'],
  ['CKR_PIN_EXPIRED', 'The PIN has expired'],
  ['CKR_PIN_LOCKED', 'The PIN is locked'],
]);

/** The name of a return value, of whatever a PKCS#11 call threw. */
export function returnValue(error: unknown): string {
  const name = error instanceof Error ? error.message : '';
  return /^CKR_\w{1,60}$/.test(name) ? name : '';
}

/** @returns undefined for an error that is not of a PIN */
export function pinError(error: unknown, token: string): DevaccessError | undefined {
  const value = returnValue(error);
  const reason = PIN_REASONS.get(value);
  if (reason === undefined) return undefined;
  const next =
    value === 'CKR_PIN_LOCKED'
      ? 'unlock it with the PUK or the SO PIN, by the tool of its maker'
      : 'try again in a terminal; a token locks after a few wrong ones';
  return refusedPin(`${reason} for the token ${token} (${value})`, next, error);
}

export function refusedPin(message: string, next: string, cause?: unknown): DevaccessError {
  return new DevaccessError('DA_PKCS11_PIN', printable(message), {
    next,
    exitCode: EXIT.needsPerson,
    cause,
  });
}

/**
 * A call that failed; errors that are not of PKCS#11 are given back as they are.
 *
 * @param what such as `The token X did not sign`
 */
export function tokenError(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || !/^(?:Pkcs11|Native)Error$/.test(error.name)) return error;
  const value = returnValue(error);
  const told = REASONS.get(value);
  const detail = value === '' ? error.message : value;
  const reason = told === undefined ? detail : `${told} (${value})`;
  return new DevaccessError('DA_PKCS11', printable(`${what}: ${reason.slice(0, 200)}`), {
    next: 'check that the token is there, and that another program (pkcs11-tool --test) can use it',
    cause: error,
  });
}

export function objectError(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_PKCS11_OBJECT', printable(message), { next });
}
