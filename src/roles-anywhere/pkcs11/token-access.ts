import { resolve } from 'node:path';
import { expandHome } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import type { KeyWorld } from '../open-key.ts';
import type { GivenIdentity } from '../options.ts';
import { readSecretLine } from '../secret-line.ts';
import { isPkcs11Uri, parsePkcs11Uri } from './pkcs11-uri.ts';

/** How tokens are got at. */
export interface TokenAccess {
  /** The PKCS#11 library; undefined: p11-kit's. */
  library: string | undefined;
  pin: PinFlags;
  /** Keys that want the PIN for each signature get that of the token. */
  reusesPin: boolean;
}

interface PinFlags {
  /** Given in a URI, where every process of this computer can read it. */
  value: string | undefined;
  file: string | undefined;
}

/**
 * What the flags say, else the names of key and certificate.
 *
 * @throws DevaccessError DA_USAGE for what is no PKCS#11 URI
 */
export function tokenAccess(given: GivenIdentity, env: Environment): TokenAccess {
  const text = (value: string | boolean | undefined): string | undefined =>
    typeof value === 'string' && value !== '' ? value : undefined;
  const path = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : resolve(expandHome(value, env));
  const named = [text(given['private-key']), text(given.certificate)]
    .filter((name): name is string => name !== undefined && isPkcs11Uri(name))
    .map(parsePkcs11Uri);
  const library =
    text(given['pkcs11-lib']) ?? named.find(({ modulePath }) => modulePath)?.modulePath;
  const isPath = library !== undefined && /[/\\]/.test(library);
  return {
    // A bare name is for the system's loader to find.
    library: isPath ? path(library) : library,
    pin: {
      value: named.find(({ pinValue }) => pinValue)?.pinValue,
      file: path(
        text(given['pkcs11-pin-file']) ?? named.find(({ pinSource }) => pinSource)?.pinSource,
      ),
    },
    reusesPin: given['reuse-pin'] === true,
  };
}

/** A PIN, and whether a person has just given it. */
export interface Pin {
  text: string;
  isTyped: boolean;
}

/**
 * The PIN of a file, of a URI, or of the person.
 *
 * @param question to the person
 * @throws DevaccessError those of `readSecretLine` and of `askPassphrase`
 */
export async function pinOf(
  { pin }: TokenAccess,
  question: string,
  { say, askPassphrase }: KeyWorld,
): Promise<Pin> {
  if (pin.file !== undefined) return { text: readSecretLine(pin.file, 'PIN'), isTyped: false };
  if (pin.value === undefined) return { text: await askPassphrase(question), isTyped: true };
  say('pin-value can be read in the list of processes; use --pkcs11-pin-file');
  return { text: pin.value, isTyped: false };
}
