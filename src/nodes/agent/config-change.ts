import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';
import { nearest } from '../../platform/nearest.ts';
import { settingName } from './config-document.ts';
import { CONFIG_KEYS } from './config-keys.ts';
import type { ConfigKey } from './config-keys.ts';
import { isSameKey, removeFromSection, setInSection } from './json-edit.ts';

/** One change that was asked for; without a value the key is removed. */
export interface ConfigChange {
  key: ConfigKey;
  value: ConfigKey['fallback'] | undefined;
}

/** A section of the credentials file: what every reader of it takes as one. */
const PROFILE_NAME = /^[A-Za-z0-9_.@+-]{1,64}$/;

/**
 * Reads `KEY=VALUE` with a key such as `ShareProfile` or `Profile.ShareProfile`; lists are separated
 * by commas.
 *
 * @throws DevaccessError DA_USAGE for another key, or a value that the agent would not take
 */
export function parseConfigChange(text: string): ConfigChange {
  const at = text.indexOf('=');
  if (at < 0) throw usage(`'${printable(text)}' is no KEY=VALUE`, 'write --set ShareProfile=agent');
  const key = findKey(text.slice(0, at));
  return { key, value: readValue(key, text.slice(at + 1)) };
}

/** @throws DevaccessError DA_USAGE for a key that is none of the agent's */
export function parseConfigRemoval(text: string): ConfigChange {
  return { key: findKey(text), value: undefined };
}

/** The document with the changes; all else of it stays as it is. @param text empty: there is none yet */
export function applyConfigChanges(text: string, changes: readonly ConfigChange[]): string {
  const isNew = text.trim() === '';
  const isEmpty = isNew && changes.every(({ value }) => value === undefined);
  if (isEmpty) return text;
  // Go takes null for a document without settings.
  const start = isNew || text.trim() === 'null' ? '{\n}\n' : text;
  return changes.reduce(
    (edited, { key, value }) =>
      value === undefined
        ? removeFromSection(edited, key.section, key.key)
        : setInSection(edited, key.section, key.key, JSON.stringify(value)),
    start,
  );
}

function findKey(name: string): ConfigKey {
  const isWhole = name.includes('.');
  const found = CONFIG_KEYS.filter((key) => isSameKey(isWhole ? settingName(key) : key.key, name));
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  const shown = printable(name);
  if (only !== undefined) {
    throw usage(`'${shown}' is several keys`, `write ${found.map(settingName).join(' or ')}`);
  }
  const names = CONFIG_KEYS.map((key) => (isWhole ? settingName(key) : key.key));
  const meant = nearest(name, names);
  throw usage(
    `'${shown}' is no key of the agent`,
    meant === undefined
      ? 'see devaccess nodes agent-config --all for those it has'
      : `was ${meant} meant?`,
  );
}

function readValue(key: ConfigKey, text: string): ConfigKey['fallback'] {
  switch (key.type) {
    case 'boolean':
      if (text === 'true' || text === 'false') return text === 'true';
      throw refused(key, text, 'true or false');
    case 'integer':
      return readInteger(key, text);
    case 'text':
      return readText(key, text);
    case 'texts': {
      const words = text === '' ? [] : text.split(',').map((word) => word.trim());
      const foreign = words.find((word) => key.oneOf?.includes(word) === false);
      if (foreign !== undefined) throw refused(key, foreign, (key.oneOf ?? []).join(', '));
      return words;
    }
  }
}

function readInteger(key: ConfigKey, text: string): number {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = key;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  const bounds = key.max === undefined ? `${min} or more` : `${min} to ${max}`;
  throw refused(
    key,
    text,
    `a whole number, ${bounds}; of another the agent makes ${key.fallback.toString()}`,
  );
}

function readText(key: ConfigKey, text: string): string {
  if (key.oneOf?.includes(text) === false) throw refused(key, text, key.oneOf.join(', '));
  const isProfile = key.key === 'ShareProfile';
  if (isProfile && text !== '' && !PROFILE_NAME.test(text)) {
    throw refused(key, text, 'letters, digits and _.@+-');
  }
  if (/\p{Cc}/u.test(text)) throw refused(key, text, 'one line of text');
  return text;
}

function refused(key: ConfigKey, value: string, wanted: string): DevaccessError {
  return usage(`'${printable(value)}' is no value of ${settingName(key)}`, `it takes ${wanted}`);
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
