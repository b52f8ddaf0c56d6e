import { createHash } from 'node:crypto';
import type { KeyWorld } from '../open-key.ts';
import { pinError, refusedPin, tokenError } from './pkcs11-errors.ts';
import type { TokenAccess } from './token-access.ts';
import { pinOf } from './token-access.ts';
import type { Token } from './tokens.ts';

/** Hashes of PINs that tokens have refused: one more try of the same could lock the token. */
const refusedPins = new Set<string>();

/**
 * Logs in to a token as its user.
 *
 * A token locks after a few wrong PINs, so one that nobody has typed just now is tried only while the
 * token says that the last one was right.
 *
 * @returns the PIN, for keys that want it again; undefined for a token with a keypad of its own
 * @throws DevaccessError DA_PKCS11_PIN; those of `pinOf`; DA_PKCS11
 */
export async function logIn(
  token: Token,
  access: TokenAccess,
  world: KeyWorld,
): Promise<string | undefined> {
  const { library, session, slot, label } = token;
  const { calls, constants } = library;
  const { flags } = calls.C_GetTokenInfo(slot);
  const isSet = (flag: number): boolean => (flags & flag) !== 0;
  if (isSet(constants.CKF_USER_PIN_LOCKED)) {
    throw refusedPin(
      `The PIN of the token ${label} is locked`,
      'unlock it with the PUK or the SO PIN, by the tool of its maker',
    );
  }
  if (hasKeypad(token)) {
    world.say(`enter the PIN of the token ${label} on its keypad`);
    enter(() => calls.C_Login(session, constants.CKU_USER), label);
    return undefined;
  }
  const isLastTry = isSet(constants.CKF_USER_PIN_FINAL_TRY);
  const hasFewTries = isLastTry || isSet(constants.CKF_USER_PIN_COUNT_LOW);
  const warning = isLastTry ? ' (the last try)' : hasFewTries ? ' (a wrong one was given)' : '';
  const { text, isTyped } = await pinOf(access, `PIN of the token ${label}${warning}:`, world);
  if (hasFewTries && !isTyped) {
    throw refusedPin(
      `A wrong PIN was given to the token ${label}, so the one at hand is not tried`,
      'log in by hand once, which sets its counter back: devaccess anywhere sign-string in a terminal, without a PIN file',
    );
  }
  tryPin(token, text, () => calls.C_Login(session, constants.CKU_USER, text));
  return text;
}

/**
 * Gives a key the PIN that it wants for each signature, after `C_SignInit`.
 *
 * @throws DevaccessError DA_PKCS11_PIN; those of `askPassphrase`; DA_PKCS11
 */
export async function logInForSignature(
  token: Token,
  userPin: string | undefined,
  { reusesPin }: TokenAccess,
  { say, askPassphrase }: KeyWorld,
): Promise<void> {
  const { label, session, library } = token;
  const { calls, constants } = library;
  const enterPin = (pin?: string): void =>
    calls.C_Login(session, constants.CKU_CONTEXT_SPECIFIC, pin);
  if (hasKeypad(token)) {
    say(`enter the PIN of the key in ${label} on its keypad`);
    enter(() => enterPin(), label);
    return;
  }
  const pin = reusesPin && userPin !== undefined ? userPin : undefined;
  const given = pin ?? (await askPassphrase(`PIN of the key in ${label} (for each signature):`));
  tryPin(token, given, () => enterPin(given));
}

function hasKeypad({ library, slot }: Token): boolean {
  const { flags } = library.calls.C_GetTokenInfo(slot);
  return (flags & library.constants.CKF_PROTECTED_AUTHENTICATION_PATH) !== 0;
}

function tryPin({ label, serial }: Token, pin: string, login: () => void): void {
  const attempt = createHash('sha256')
    .update(JSON.stringify([label, serial, pin]))
    .digest('hex');
  if (refusedPins.has(attempt)) {
    throw refusedPin(
      `The token ${label} has refused this PIN already`,
      'start again with the right one',
    );
  }
  try {
    enter(login, label);
  } catch (error) {
    refusedPins.add(attempt);
    throw error;
  }
}

function enter(login: () => void, label: string): void {
  try {
    login();
  } catch (error) {
    throw pinError(error, label) ?? tokenError(error, `The token ${label} cannot be logged in to`);
  }
}
