/**
 * The shared AWS files as the AWS SDK for JavaScript reads them (checked against it in
 * test/property/shared-sections.test.ts), without its loading time: what every `ssh` needs of them is
 * known before the first connection is opened. What is written by a person is edited through
 * `ini-document.ts`, which keeps every byte.
 */
import { readFileSync } from 'node:fs';
import { awsConfigFile, awsCredentialsFile } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';

/** Settings by name; those of a nested block are named `block.setting`. */
export type Section = Readonly<Record<string, string | undefined>>;

/**
 * Sections by name. In the config file: the profile's name, `services.NAME`, `sso-session.NAME`.
 */
export type Sections = ReadonlyMap<string, Section>;

export interface SharedFiles {
  config: Sections;
  credentials: Sections;
}

/** Reads both files; one that is missing or cannot be read has nothing in it. */
export function readSharedFiles(env: Environment): SharedFiles {
  return {
    config: configSections(parseSections(readText(awsConfigFile(env)))),
    credentials: parseSections(readText(awsCredentialsFile(env))),
  };
}

/** A profile of both files: setting by setting, the credentials file wins. */
export function sharedProfile(
  { config, credentials }: SharedFiles,
  name: string,
): Section | undefined {
  const [first, second] = [config.get(name), credentials.get(name)];
  return first === undefined ? second : { ...first, ...second };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** `[TYPE NAME]`, the name bare or in quotes. */
const TYPED_HEADER = /^([\w-]+)\s(["'])?([\w\-@+.%:/]+)\2$/;
const TYPES: readonly string[] = ['profile', 'sso-session', 'services'];
/** With one of these the SDK gives the whole file up. */
const FORBIDDEN: readonly string[] = ['__proto__', 'profile __proto__'];

/** Sections by name, typed ones as `TYPE.NAME`. */
export function parseSections(text: string): Map<string, Record<string, string>> {
  const sections = new Map<string, Record<string, string>>();
  let section: string | undefined;
  let block: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const trimmed = (line.split(/(?:^|\s)[;#]/, 1)[0] ?? '').trim();
    if (trimmed.startsWith('[') && trimmed.endsWith(']')) {
      const name = trimmed.slice(1, -1);
      if (FORBIDDEN.includes(name)) return new Map();
      section = sectionName(name);
      block = undefined;
      continue;
    }
    const equalsAt = trimmed.indexOf('=');
    if (!section || equalsAt < 1) continue;
    const name = trimmed.slice(0, equalsAt).trim();
    const value = trimmed.slice(equalsAt + 1).trim();
    if (value === '') {
      block = name;
      continue;
    }
    if (line.trimStart() === line) block = undefined;
    const settings = sections.get(section) ?? {};
    settings[block ? `${block}.${name}` : name] = value;
    sections.set(section, settings);
  }
  return sections;
}

/** Undefined for a type that nobody knows. */
function sectionName(name: string): string | undefined {
  const [, type, , typed] = TYPED_HEADER.exec(name) ?? [];
  if (type === undefined) return name;
  return TYPES.includes(type) ? `${type}.${typed ?? ''}` : undefined;
}

/** What counts in a config file, profiles by their bare names; `[profile default]` beats `[default]`. */
export function configSections(sections: Sections): Sections {
  const found = new Map<string, Section>();
  const byDefault = sections.get('default');
  if (byDefault !== undefined) found.set('default', byDefault);
  for (const [name, section] of sections) {
    const dotAt = name.indexOf('.');
    const type = name.slice(0, Math.max(dotAt, 0));
    if (!TYPES.includes(type)) continue;
    const own = type === 'profile' ? name.slice(dotAt + 1) : name;
    if (!FORBIDDEN.includes(own)) found.set(own, section);
  }
  return found;
}
