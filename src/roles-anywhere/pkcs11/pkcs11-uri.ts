/** Names of things in PKCS#11 tokens (RFC 7512): `pkcs11:token=My%20Token;id=%01?pin-source=FILE`. */
import { DevaccessError, EXIT } from '../../platform/errors.ts';

/** What a name says of a token and of the object in it; what it does not say may be anything. */
export interface Pkcs11Name {
  /** Without what follows `?`, which may hold a PIN: for messages. */
  readonly text: string;
  readonly token: string | undefined;
  readonly manufacturer: string | undefined;
  readonly serial: string | undefined;
  readonly model: string | undefined;
  readonly slotId: number | undefined;
  /** Label of the object. */
  readonly object: string | undefined;
  readonly id: Buffer | undefined;
}

/** What a name says beside: where the PIN and the library are. */
interface Pkcs11Query {
  readonly pinValue: string | undefined;
  /** A path. */
  readonly pinSource: string | undefined;
  readonly modulePath: string | undefined;
}

const SCHEME = /^pkcs11:/i;
const NAME_ATTRIBUTES = new Set([
  ...['token', 'manufacturer', 'serial', 'model', 'slot-id', 'object', 'id', 'type'],
]);
const QUERY_ATTRIBUTES = new Set(['pin-value', 'pin-source', 'module-path']);
/** Of a certificate's name and of a key's; other kinds are not looked for. */
const TYPES = new Set(['cert', 'private', 'public']);

export function isPkcs11Uri(name: string): boolean {
  return SCHEME.test(name);
}

/**
 * @throws DevaccessError DA_USAGE for what is no such URI, or names what cannot be looked for; the
 *   message does not hold the URI's query
 */
export function parsePkcs11Uri(uri: string): Pkcs11Name & Pkcs11Query {
  const [path = '', ...queries] = uri.replace(SCHEME, '').split('?');
  const text = `pkcs11:${path}`;
  const named = attributes(path, ';', NAME_ATTRIBUTES, text);
  const asked = attributes(queries.join('?'), '&', QUERY_ATTRIBUTES, text);
  const type = named.get('type')?.toString();
  if (type !== undefined && !TYPES.has(type)) throw refused(text, `type=${type} is not looked for`);
  const string = (name: string): string | undefined => named.get(name)?.toString('utf8');
  const slot = string('slot-id');
  if (slot !== undefined && !/^\d{1,10}$/.test(slot)) throw refused(text, 'slot-id is no number');
  return {
    text,
    token: string('token'),
    manufacturer: string('manufacturer'),
    serial: string('serial'),
    model: string('model'),
    slotId: slot === undefined ? undefined : Number(slot),
    object: string('object'),
    id: named.get('id'),
    pinValue: asked.get('pin-value')?.toString('utf8'),
    pinSource: asked
      .get('pin-source')
      ?.toString('utf8')
      .replace(/^file:(?:\/\/)?/, ''),
    modulePath: asked.get('module-path')?.toString('utf8'),
  };
}

function attributes(
  list: string,
  separator: string,
  known: ReadonlySet<string>,
  text: string,
): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const part of list.split(separator).filter((each) => each !== '')) {
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at);
    // A vendor's own (RFC 7512, 2.3): nothing that could be compared.
    if (name.startsWith('x-')) continue;
    if (!known.has(name)) throw refused(text, `nothing is known of '${name.slice(0, 40)}'`);
    if (at < 0) throw refused(text, `${name} has no value`);
    if (found.has(name)) throw refused(text, `${name} is there twice`);
    found.set(name, decoded(part.slice(at + 1), name, text));
  }
  return found;
}

/** Bytes: an id is no text. Blanks and the like may stand as they are. */
function decoded(value: string, name: string, text: string): Buffer {
  if (/%(?![0-9a-f]{2})/i.test(value)) throw refused(text, `${name} is not percent-encoded right`);
  const bytes = Buffer.from(value, 'utf8').toString('latin1');
  const plain = bytes.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(plain, 'latin1');
}

/** The name of an object that was found, for a person to use. */
export function pkcs11Uri(parts: { token: string; id: Buffer; object: string }): string {
  const encoded = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  const id = parts.id.toString('hex').replace(/../g, (hex) => `%${hex}`);
  return [
    `pkcs11:token=${encoded(parts.token)}`,
    ...(id === '' ? [] : [`id=${id}`]),
    ...(parts.object === '' ? [] : [`object=${encoded(parts.object)}`]),
  ].join(';');
}

function refused(text: string, why: string): DevaccessError {
  return new DevaccessError('DA_USAGE', `'${text}' cannot be used as a PKCS#11 URI: ${why}`, {
    next: 'give one such as pkcs11:token=LABEL;object=LABEL or pkcs11:token=LABEL;id=%01',
    exitCode: EXIT.usage,
  });
}
