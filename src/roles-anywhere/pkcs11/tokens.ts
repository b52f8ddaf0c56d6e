import type { Handle, TokenInfo } from 'pkcs11js';
import { objectError, tokenError } from './pkcs11-errors.ts';
import { quietly } from './pkcs11-library.ts';
import type { Library } from './pkcs11-library.ts';
import type { Pkcs11Name } from './pkcs11-uri.ts';

/** A token that is plugged in, and a session with it. */
export interface Token {
  readonly library: Library;
  readonly session: Handle;
  readonly slot: Handle;
  readonly label: string;
  readonly serial: string;
}

/** An object in a token. */
export interface TokenObject {
  readonly token: Token;
  readonly handle: Handle;
  readonly label: string;
  readonly id: Buffer;
}

const MAX_OBJECTS = 100;

/**
 * Opens all tokens that a name fits, for as long as `work` lasts.
 *
 * @throws DevaccessError DA_PKCS11_OBJECT where there is none; DA_PKCS11; what `work` throws
 */
export async function withTokens<T>(
  library: Library,
  name: Pkcs11Name,
  work: (tokens: readonly Token[]) => Promise<T>,
): Promise<T> {
  const { calls, constants } = library;
  const tokens: Token[] = [];
  try {
    for (const slot of calls.C_GetSlotList(true)) {
      // One of several may be damaged, of an unknown kind, or taken by another program.
      quietly(() => {
        const info = calls.C_GetTokenInfo(slot);
        if (!isNamed(library, { slot, info }, name)) return;
        const session = calls.C_OpenSession(slot, constants.CKF_SERIAL_SESSION);
        const label = unpadded(info.label);
        tokens.push({ library, session, slot, label, serial: unpadded(info.serialNumber) });
      });
    }
    if (tokens.length === 0) {
      throw objectError(
        `No token fits ${name.text}`,
        'plug it in; p11tool --list-tokens or pkcs11-tool -L shows those that are there',
      );
    }
    return await work(tokens);
  } catch (error) {
    throw tokenError(error, `The token of ${name.text} cannot be used`);
  } finally {
    for (const { session } of tokens) quietly(() => calls.C_CloseSession(session));
  }
}

function isNamed(
  { constants }: Library,
  { slot, info }: { slot: Handle; info: TokenInfo },
  name: Pkcs11Name,
): boolean {
  return (
    (info.flags & constants.CKF_TOKEN_INITIALIZED) !== 0 &&
    fits(name.token, unpadded(info.label)) &&
    fits(name.manufacturer, unpadded(info.manufacturerID)) &&
    fits(name.serial, unpadded(info.serialNumber)) &&
    fits(name.model, unpadded(info.model)) &&
    (name.slotId === undefined || name.slotId === numberOf(slot))
  );
}

function fits(wanted: string | undefined, present: string): boolean {
  return wanted === undefined || wanted === present;
}

/** The standard fills up with blanks; some libraries with zeros. */
function unpadded(text: string): string {
  return text.replace(/[\0 ]+$/, '');
}

/** A whole number of the library: little endian on all machines that Node runs on, but s390x. */
export function numberOf(value: Buffer): number {
  const isSwapped = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;
  const bytes = isSwapped ? value : Buffer.from(value).reverse();
  return Number(BigInt(`0x${bytes.toString('hex') || '0'}`));
}

/** The objects of a class that a name fits, in one token. @throws errors of pkcs11js */
export function objectsOf(
  token: Token,
  objectClass: number,
  { id, object }: Pick<Pkcs11Name, 'id' | 'object'>,
): TokenObject[] {
  const { library, session } = token;
  const { calls, constants } = library;
  calls.C_FindObjectsInit(session, [
    { type: constants.CKA_CLASS, value: objectClass },
    ...(id === undefined ? [] : [{ type: constants.CKA_ID, value: id }]),
    ...(object === undefined ? [] : [{ type: constants.CKA_LABEL, value: object }]),
  ]);
  let handles: Handle[];
  try {
    handles = calls.C_FindObjects(session, MAX_OBJECTS);
  } finally {
    quietly(() => calls.C_FindObjectsFinal(session));
  }
  return handles.map((handle) => ({
    token,
    handle,
    label: attribute(token, handle, constants.CKA_LABEL)?.toString('utf8') ?? '',
    id: attribute(token, handle, constants.CKA_ID) ?? Buffer.alloc(0),
  }));
}

/** An attribute of an object; undefined where it has none, or keeps it to itself. */
export function attribute(
  { library, session }: Token,
  handle: Handle,
  type: number,
): Buffer | undefined {
  try {
    const [found] = library.calls.C_GetAttributeValue(session, handle, [{ type }]);
    return Buffer.isBuffer(found?.value) ? found.value : undefined;
  } catch {
    return undefined;
  }
}
