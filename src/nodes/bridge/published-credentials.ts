import { join } from 'node:path';
import { LONGEST_SESSION_MS } from '../../aws/expiration.ts';
import type { ProcessAnswer } from '../../aws/process-answer.ts';
import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';
import { readTrustedFile } from '../../platform/trusted-file.ts';

/** Where the bridge publishes, and consumers read: on a file system that a restart empties. */
export const PUBLISHED_FOLDER = '/run/devaccess/credentials';

/** Credentials of a consumer, as they were published. */
export interface Published {
  answer: ProcessAnswer;
  expirationMs: number;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const MAX_BYTES = 65_536;
const WORD = /^[\x21-\x7e]{1,32768}$/;

/** @throws DevaccessError DA_USAGE for what is no name of a consumer */
export function checkConsumerName(name: string): string {
  if (NAME.test(name)) return name;
  throw new DevaccessError('DA_USAGE', `'${printable(name)}' cannot be the name of a consumer`, {
    next: 'use letters, digits and _.-, 64 characters at most',
    exitCode: EXIT.usage,
  });
}

export function publishedFile(folder: string, name: string): string {
  return join(folder, `${checkConsumerName(name)}.json`);
}

/**
 * What is published for a consumer.
 *
 * @throws DevaccessError DA_NOT_PUBLISHED, DA_PUBLISHED_DAMAGED, DA_PUBLISHED_EXPIRED and those of
 *   `readTrustedFile`
 */
export function readPublished(folder: string, name: string, nowMs: number): Published {
  const path = publishedFile(folder, name);
  const file = readForConsumer(path);
  if (file === undefined) {
    throw new DevaccessError('DA_NOT_PUBLISHED', `Nothing is published as ${name} in ${folder}`, {
      next: `see systemctl status devaccess-node-bridge-${name}; on the node: devaccess nodes doctor`,
    });
  }
  const published = parsePublished(file.text, nowMs);
  if (published === undefined) {
    throw new DevaccessError('DA_PUBLISHED_DAMAGED', `${path} is not whole, or not ours`, {
      next: 'run the bridge again, which writes it anew',
    });
  }
  if (published.expirationMs > nowMs) return published;
  const when = new Date(published.expirationMs).toISOString();
  throw new DevaccessError('DA_PUBLISHED_EXPIRED', `The credentials of ${name} ended at ${when}`, {
    next: `see systemctl status devaccess-node-bridge-${name}: it brings no new ones`,
  });
}

function readForConsumer(path: string): ReturnType<typeof readTrustedFile> {
  try {
    return readTrustedFile(path, { maxBytes: MAX_BYTES });
  } catch (error) {
    if (!(error instanceof DevaccessError) || error.code !== 'DA_FILE_NOT_READABLE') throw error;
    throw new DevaccessError(error.code, error.message, {
      next: 'be in the group that it is for (id -nG; a service sees a new group when it is started again)',
      cause: error,
    });
  }
}

/** Undefined for what is no answer of a credential_process with an end that can be. */
export function parsePublished(text: string, nowMs: number): Published | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration, AccountId } =
    value as Record<string, unknown>;
  const isWhole = Version === 1 && [AccessKeyId, SecretAccessKey, SessionToken].every(isWord);
  if (!isWhole || typeof Expiration !== 'string') return undefined;
  const expirationMs = Date.parse(Expiration);
  if (Number.isNaN(expirationMs) || expirationMs > nowMs + LONGEST_SESSION_MS) return undefined;
  const answer: ProcessAnswer = {
    Version: 1,
    AccessKeyId: AccessKeyId as string,
    SecretAccessKey: SecretAccessKey as string,
    SessionToken: SessionToken as string,
    Expiration,
    ...(typeof AccountId === 'string' && /^\d{12}$/.test(AccountId) ? { AccountId } : {}),
  };
  return { answer, expirationMs };
}

function isWord(value: unknown): boolean {
  return typeof value === 'string' && WORD.test(value);
}
