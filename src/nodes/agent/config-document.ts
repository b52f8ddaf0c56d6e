import { DevaccessError } from '../../platform/errors.ts';
import { CONFIG_KEYS } from './config-keys.ts';
import type { ConfigKey } from './config-keys.ts';
import { isSameKey } from './json-edit.ts';

/** A setting of the agent, as the file has it and as the agent takes it. */
export interface Setting {
  /** `Profile.ShareCreds`. */
  name: string;
  /** As the file has it; undefined where the agent finds none. */
  given: unknown;
  /** What the agent uses. */
  effective: ConfigKey['fallback'];
  /** Why that is not what was given; null where it is. */
  problem: string | null;
  key: ConfigKey;
}

export interface ConfigDocument {
  settings: Setting[];
  /** Keys in the file that the agent does not know: `Section.Key`. */
  unknown: string[];
}

const SECTIONS: ReadonlySet<string> = new Set(
  CONFIG_KEYS.map(({ section }) => section.toLowerCase()),
);

/** A file of a few kilobytes; what is larger is another one. */
export const MAX_CONFIG_BYTES = 1_048_576;

/**
 * Reads the text of amazon-ssm-agent.json as the agent does.
 *
 * @throws DevaccessError DA_AGENT_CONFIG_PARTIAL where it ends in the middle, DA_AGENT_CONFIG where it
 *   is no object in JSON: the agent then takes its defaults for everything
 */
export function readConfigDocument(path: string, text: string): ConfigDocument {
  const root = parseObject(path, text);
  const sections = new Map<string, Record<string, unknown>>();
  for (const [name, value] of Object.entries(root)) {
    const folded = name.toLowerCase();
    // Go leaves a section as it is for null, and stops at anything else that is no object.
    if (!isObject(value)) {
      if (value !== null && SECTIONS.has(folded)) throw invalid(path, `${name} is no object`);
      continue;
    }
    sections.set(folded, { ...sections.get(folded), ...value });
  }
  const read = CONFIG_KEYS.map((key) => readSetting(key, sections));
  // One value that Go cannot put into its field costs all the others.
  const isLost = read.some(({ given, key }) => !isOfType(given, key));
  const settings = isLost
    ? read.map((setting) => ({ ...setting, effective: setting.key.fallback }))
    : read;
  const unknown = Object.entries(root).flatMap(([section, value]) =>
    unknownIn(section, isObject(value) ? Object.keys(value) : undefined),
  );
  return { settings, unknown };
}

/** `Profile.ShareCreds`. */
export function settingName({ section, key }: ConfigKey): string {
  return `${section}.${key}`;
}

function parseObject(path: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw syntaxError(path, text, error);
  }
  // Go leaves everything as it is for null, and so do we.
  if (value === null) return {};
  if (isObject(value)) return value;
  throw invalid(path, 'it is JSON, but no object');
}

function syntaxError(path: string, text: string, error: unknown): DevaccessError {
  if (text.startsWith('\ufeff')) return invalid(path, 'it begins with a byte order mark');
  const message = error instanceof Error ? error.message : '';
  const isCut = text.trim() === '' || /end of JSON input|Unterminated/i.test(message);
  if (isCut || isCutAtEnd(text)) {
    const how = text.trim() === '' ? 'is empty' : 'ends in the middle';
    return new DevaccessError(
      'DA_AGENT_CONFIG_PARTIAL',
      `${path} ${how}: it was not written to its end, and the agent takes its defaults for everything`,
      { next: 'write it again from a copy, or remove it, which gives the defaults as well' },
    );
  }
  const position = Number(/position (\d+)/.exec(message)?.[1] ?? NaN);
  const line = Number.isNaN(position) ? '' : ` in line ${lineOf(text, position)}`;
  return invalid(path, `it is not JSON${line} (comments and trailing commas are none)`);
}

/** Whether brackets are still open, or a string, when the text ends. */
function isCutAtEnd(text: string): boolean {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/gs, '""');
  const open = bare.match(/[{[]/g)?.length ?? 0;
  const closed = bare.match(/[}\]]/g)?.length ?? 0;
  return open > closed && !/[}\]]\s*$/.test(bare);
}

function lineOf(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}

function invalid(path: string, why: string): DevaccessError {
  return new DevaccessError(
    'DA_AGENT_CONFIG',
    `${path} cannot be read by the agent, which takes its defaults for everything: ${why}`,
    { next: 'correct it, or remove it, which gives the defaults as well' },
  );
}

function readSetting(
  key: ConfigKey,
  sections: ReadonlyMap<string, Record<string, unknown>>,
): Setting {
  const members = sections.get(key.section.toLowerCase()) ?? {};
  const given = Object.entries(members).findLast(
    ([name, value]) => isSameKey(name, key.key) && value !== null,
  )?.[1];
  const common = { name: settingName(key), given, key };
  if (given === undefined) return { ...common, effective: key.fallback, problem: null };
  if (!isOfType(given, key)) {
    const problem = `is no ${TYPE_NAMES[key.type]}: the agent takes its defaults for everything`;
    return { ...common, effective: key.fallback, problem };
  }
  return { ...common, ...withinBounds(given as ConfigKey['fallback'], key) };
}

const TYPE_NAMES = {
  boolean: 'true or false',
  integer: 'whole number',
  text: 'text',
  texts: 'list of texts',
} as const;

/** Whether Go can put a value into the field: an absent one it leaves alone. */
function isOfType(value: unknown, { type }: ConfigKey): boolean {
  if (value === undefined) return true;
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return Number.isSafeInteger(value);
    case 'text':
      return typeof value === 'string';
    case 'texts':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
  }
}

function withinBounds(
  given: ConfigKey['fallback'],
  { fallback, min = -Infinity, max = Infinity, oneOf }: ConfigKey,
): Pick<Setting, 'effective' | 'problem'> {
  const shown = JSON.stringify(fallback);
  if (typeof given === 'number' && (given < min || given > max)) {
    const bounds = max === Infinity ? `${min} or more` : `${min} to ${max}`;
    return { effective: fallback, problem: `is not ${bounds}: the agent takes ${shown}` };
  }
  if (typeof given === 'string' && oneOf?.includes(given) === false) {
    return { effective: fallback, problem: `is none of its words: the agent takes ${shown}` };
  }
  if (typeof given === 'object' && oneOf !== undefined) {
    const known = given.filter((word) => oneOf.includes(word));
    const effective = known.length === 0 ? fallback : known;
    const problem =
      known.length === given.length ? null : `holds unknown words: the agent leaves them out`;
    return { effective, problem };
  }
  return { effective: given, problem: null };
}

function unknownIn(section: string, keys: readonly string[] | undefined): string[] {
  const known = CONFIG_KEYS.filter((key) => isSameKey(key.section, section));
  if (known.length === 0) {
    return isSameKey(section, 'Birdwatcher') ? [] : [section];
  }
  return (keys ?? [])
    .filter((name) => !known.some(({ key }) => isSameKey(key, name)))
    .filter((name) => !OTHERS.some((other) => isSameKey(other, `${section}.${name}`)))
    .map((name) => `${section}.${name}`);
}

/** What the agent reads, too, and nobody is to set here. */
const OTHERS = [
  'Identity.CustomIdentities',
  'Mgs.SessionWorkerBufferLimit',
  'Ssm.AssociationRetryLimit',
  'Agent.Name',
  'Agent.Version',
  'Agent.DownloadRootDir',
  'Agent.TelemetryMetricsNamespace',
  'Agent.GoMaxProcForAgentWorker',
  'Os.Name',
  'Os.Version',
];

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
