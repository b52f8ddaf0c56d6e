import { setTimeout as delay } from 'node:timers/promises';
import { DevaccessError } from '../../platform/errors.ts';
import { readTrustedFile } from '../../platform/trusted-file.ts';

/** What the agent says of the credentials it has (identity_config.json, 5.4 of the facts). */
export interface IdentityState {
  /** `mi-…` of a hybrid node. */
  instanceId: string;
  /** `OnPrem`, `EC2`, … */
  identityType: string;
  /** Where it writes them; empty: it does not. */
  shareFile: string;
  /** The section in it; `default` where the agent was told none. */
  shareProfile: string;
  /** NaN where it has none. */
  expiresAtMs: number;
}

export interface SharedKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
}

export type Wait = (ms: number) => Promise<unknown>;

const MAX_STATE_BYTES = 65_536;
const MAX_CREDENTIALS_BYTES = 1_048_576;
/** The agent empties a file and writes it anew: readers see less of it for a moment. */
const TRIES = 5;
const PAUSE_MS = 200;
/** What was touched so recently may still be written to. */
const FRESH_MS = 1_000;

/**
 * The agent's runtime state; undefined where there is none.
 *
 * @throws DevaccessError DA_AGENT_STATE for one that stays unreadable, and those of `readTrustedFile`
 */
export async function readIdentityState(
  path: string,
  wait: Wait = delay,
): Promise<IdentityState | undefined> {
  for (let left = TRIES - 1; ; left -= 1) {
    const file = readTrustedFile(path, { maxBytes: MAX_STATE_BYTES });
    if (file === undefined) return undefined;
    const state = parseState(file.text);
    if (state !== undefined) return state;
    if (left === 0) break;
    await wait(PAUSE_MS);
  }
  throw new DevaccessError('DA_AGENT_STATE', `${path} is half-written or not the agent's`, {
    next: 'restart the agent, which writes it anew',
  });
}

function parseState(text: string): IdentityState | undefined {
  try {
    const value = JSON.parse(text) as Record<string, unknown> | null;
    if (typeof value !== 'object' || value === null) return undefined;
    const word = (name: string): string => {
      const member = value[name];
      return typeof member === 'string' ? member : '';
    };
    return {
      instanceId: word('InstanceId'),
      identityType: word('IdentityType'),
      shareFile: word('ShareFile'),
      shareProfile: word('ShareProfile') === '' ? 'default' : word('ShareProfile'),
      expiresAtMs: Date.parse(word('CredentialsExpiresAt')),
    };
  } catch {
    return undefined;
  }
}

/**
 * The keys in a section of the agent's credentials file, when they stand still.
 *
 * @returns the keys, and when the file was last written
 * @throws DevaccessError DA_AGENT_CREDENTIALS where there are none, or they stay incomplete, and those
 *   of `readTrustedFile`
 */
export async function readSharedKeys(
  path: string,
  section: string,
  wait: Wait = delay,
): Promise<{ keys: SharedKeys; writtenAtMs: number }> {
  let before: string | undefined;
  for (let left = TRIES; left > 0; left -= 1) {
    const file = readTrustedFile(path, { maxBytes: MAX_CREDENTIALS_BYTES });
    if (file === undefined) {
      throw noCredentials(`There is no ${path}`, 'is the agent running, and ShareCreds not false?');
    }
    const { text, stats } = file;
    const keys = text.endsWith('\n') ? sectionKeys(text, section) : undefined;
    const isQuiet = text === before || Date.now() - stats.mtimeMs > FRESH_MS;
    if (keys !== undefined && isQuiet) return { keys, writtenAtMs: stats.mtimeMs };
    before = text;
    await wait(PAUSE_MS);
  }
  throw noCredentials(
    `${path} is half-written, or has no credentials in [${section}]`,
    'wait for the agent to write it anew (30 minutes at most), or restart it; check ShareProfile',
  );
}

const NEEDED = ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token'] as const;

/** Undefined where a key is missing. The agent writes plain `key = value` lines. */
function sectionKeys(text: string, section: string): SharedKeys | undefined {
  const found = new Map<string, string>();
  let isInside = false;
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[([^\]]*)\]/.exec(line)?.[1];
    if (header !== undefined) {
      isInside = header.trim() === section;
      continue;
    }
    const [, name = '', value = ''] = /^\s*([\w-]+)\s*[=:]\s*(\S*)\s*$/.exec(line) ?? [];
    if (isInside && value !== '') found.set(name.toLowerCase(), value);
  }
  const [accessKeyId, secretAccessKey, sessionToken] = NEEDED.map((name) => found.get(name));
  const isWhole = [accessKeyId, secretAccessKey, sessionToken].every(isWord);
  if (!isWhole) return undefined;
  return {
    accessKeyId: accessKeyId ?? '',
    secretAccessKey: secretAccessKey ?? '',
    sessionToken: sessionToken ?? '',
  };
}

function isWord(value: string | undefined): boolean {
  return value !== undefined && /^[\x21-\x7e]{8,16384}$/.test(value);
}

function noCredentials(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_AGENT_CREDENTIALS', message, { next });
}
