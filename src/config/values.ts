/** What sections of the config file are made of; every message says what is allowed. */
import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import * as v from 'valibot';
import { nearest } from '../platform/nearest.ts';
import { readPortPair } from '../platform/port-pair.ts';
import { isRemoteHost } from '../platform/remote-host.ts';

type Described = v.BaseIssue<unknown>;
type Table = Record<string, unknown>;

/** A table with these keys and no others. */
export function table<Entries extends v.ObjectEntries>(entries: Entries) {
  const allowed = Object.keys(entries);
  return v.pipe(
    v.custom<Table>(isTable, wants('a table')),
    v.rawCheck(({ dataset: { value: input }, addIssue }) => {
      if (!isTable(input)) return;
      for (const [key, value] of Object.entries(input)) {
        if (allowed.includes(key)) continue;
        const near = nearest(key, allowed);
        const hint = near === undefined ? '' : `; did you mean ${near}?`;
        addIssue({
          message: `is not a key${hint} (allowed: ${allowed.join(', ')})`,
          path: [{ type: 'object', origin: 'key', input, key, value }],
        });
      }
    }),
    v.object(entries, 'is missing'),
  );
}

/** Tables by names of the person's choice, `[tunnels.NAME]`, in the order of the file. */
export function named<Schema extends v.GenericSchema>(schema: Schema) {
  return mapOf(plainName, schema);
}

/** As `named`, where names become those of files or hosts, of which case may be no part. */
export function distinctlyNamed<Schema extends v.GenericSchema>(
  schema: Schema,
  name: NameSchema = plainName,
) {
  return v.pipe(
    mapOf(name, schema),
    v.check(
      (tables) => new Set([...tables.keys()].map((key) => key.toLowerCase())).size === tables.size,
      'has two names that differ in nothing but upper and lower case',
    ),
  );
}

type NameSchema = v.GenericSchema<string, string>;

export const plainName = v.pipe(
  v.string(),
  v.check(
    (text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text),
    'is not a name: give letters, digits, dots, dashes and underscores, 64 at most',
  ),
);

/** The name of a server; it must not pass for an instance id, an address, this computer or no host. */
export const hostName = v.pipe(
  v.string(),
  v.check(
    (text) =>
      /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/.test(text) &&
      !/^((m?i-|ec2:).*|[0-9.]+|localhost|none)$/i.test(text),
    'is not a name for a server: give letters, digits, dots, dashes and underscores, 63 at most, ' +
      'and no instance id, address, localhost or none',
  ),
);

/** A table whose keys are free; what they must be like is `key`. */
export function mapOf<Schema extends v.GenericSchema>(key: NameSchema, schema: Schema) {
  return v.pipe(
    v.custom<Table>(isTable, wants('a table')),
    // A map, as valibot drops names such as `prototype` from records.
    v.transform((tables) => new Map(Object.entries(tables))),
    v.map(key, schema),
  );
}

/** A name that AWS or another program gave a meaning: one word, nothing that looks like a flag. */
export function word(what: string) {
  return text(what, (value) => /^[^\s\p{C}-][^\s\p{C}]{0,255}$/u.test(value));
}

export const region = text('an AWS region such as "eu-central-1"', (value) =>
  /^[a-z]{2,5}(-[a-z]+){1,3}-\d{1,2}$/.test(value),
);

export const remoteHost = text('a host name or address', isRemoteHost);

export const bindAddress = text(
  'an address of this machine such as "127.0.0.1" or "::1"',
  (value) => value === 'localhost' || isIP(value) !== 0,
);

export const absolutePath = text('an absolute path, or one that begins with ~/', (value) => {
  return isAbsolute(value) || value.startsWith('~/');
});

const PORT = 'a port from 1 to 65535, or "LOCAL:PORT"';

/** `5432` or `"15432:5432"`. */
export const portPair = v.pipe(
  v.union([v.string(wants(PORT)), v.number(wants(PORT))], wants(PORT)),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const pair = readPortPair(String(dataset.value));
    if (pair !== undefined) return pair;
    addIssue({ message: `${shown(dataset.value)} is not ${PORT}` });
    return NEVER;
  }),
);

/** A number, or a text with one in it; as text. */
export function figure(what: string, isValid: (text: string) => boolean) {
  const isFigure = (value: unknown): value is string | number =>
    (typeof value === 'string' || typeof value === 'number') && isValid(String(value));
  return v.pipe(v.custom<string | number>(isFigure, wants(what)), v.transform(String));
}

/** Sessions to spread connections over. */
export const sessions = v.custom<number | 'auto'>(
  (value) => value === 'auto' || [1, 2, 3, 4, 5, 6, 7, 8].includes(value as number),
  wants('a number from 1 to 8, or "auto"'),
);

export function list<Schema extends v.GenericSchema>(schema: Schema, what: string) {
  return v.pipe(v.array(schema, wants(what)), v.minLength(1, `is empty: give ${what}`));
}

/** One value, or a list of them; a list. */
export function oneOrMore<Schema extends v.GenericSchema>(schema: Schema, what: string) {
  const several = list(schema, what);
  const one = v.pipe(
    schema,
    v.transform((value): v.InferOutput<typeof several> => [value]),
  );
  // By its form, so that a fault is told of what was written, and where.
  return v.lazy((input) => (Array.isArray(input) ? several : one));
}

export const flag = v.boolean(wants('true or false'));

/** One of these words. */
export function choice<const Options extends readonly string[]>(options: Options) {
  return v.picklist(options, wants(options.map((option) => JSON.stringify(option)).join(', ')));
}

export function text(what: string, isValid: (value: string) => boolean) {
  return v.pipe(v.string(wants(what)), v.check(isValid, wants(what)));
}

function wants(what: string): (issue: Described) => string {
  return ({ input }) => `${shown(input)} is not ${what}`;
}

/** A value as the file has it, cut where it is long. */
function shown(value: unknown): string {
  const json = JSON.stringify(value) as string | undefined;
  const whole = json ?? String(value);
  return whole.length <= 60 ? whole : `${whole.slice(0, 57)}…`;
}

function isTable(value: unknown): value is Table {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}
