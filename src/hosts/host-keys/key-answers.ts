/** Reading what the scripts of key-scripts.ts print. The node may print anything. */
import { DevaccessError } from '../../platform/errors.ts';
import { isKeyTypeName, isKnownType, parseHostKey, sortedKeys } from './host-key.ts';
import type { HostKey } from './host-key.ts';
import { FIRST_LINE, LAST_LINE } from './key-scripts.ts';

/** No SSH server has more. */
const MAX_KEYS = 16;

/** What a script printed between its first and its last line; `undefined`: not all of it was shown. */
type Answer = readonly string[] | undefined;

/**
 * The keys that a node tells of as its own.
 *
 * @param who for errors
 * @throws DevaccessError DA_HOST_KEYS_INVALID, DA_HOST_KEYS_NONE
 */
export function readOwnKeys(stdout: string, who: string): HostKey[] {
  const answer = answerIn(stdout, who);
  if (answer === undefined) throw invalid(who, 'its end is missing');
  return checkedKeys(
    answer.map((line) => {
      const [word, type = '', base64 = '', ...more] = line.split(' ');
      if (word !== 'key' || more.length > 0) throw invalid(who, 'a line is no key');
      return { type, base64 };
    }),
    who,
  );
}

/**
 * The keys that a bastion got from the servers at addresses, by address; undefined where the service
 * did not show all of it. A server that is not in it did not answer.
 *
 * @param who the bastion, for errors
 * @throws DevaccessError DA_HOST_KEYS_INVALID
 */
export function readScannedKeys(
  stdout: string,
  { addresses, port, who }: { addresses: readonly string[]; port: number; who: string },
): Map<string, HostKey[] | DevaccessError> | undefined {
  const answer = answerIn(stdout, who);
  if (answer === undefined) return undefined;
  const addressBy = new Map(
    addresses.flatMap((address) => [
      [address, address],
      [`[${address}]:${port}`, address],
    ]),
  );
  const found = new Map<string, HostKey[]>();
  for (const line of answer) {
    const [name = '', type = '', base64 = '', ...more] = line.split(' ');
    const address = addressBy.get(name);
    if (address === undefined || more.length > 0) throw invalid(who, 'a line is no key');
    found.set(address, [...(found.get(address) ?? []), { type, base64 }]);
  }
  // What one server says must not stand in the way of the others.
  return new Map(
    [...found].map(([address, keys]) => [
      address,
      checkedOrError(keys, `${address} behind ${who}`),
    ]),
  );
}

function checkedOrError(keys: readonly HostKey[], who: string): HostKey[] | DevaccessError {
  try {
    return checkedKeys(keys, who);
  } catch (error) {
    if (error instanceof DevaccessError) return error;
    throw error;
  }
}

/** Keys of types that OpenSSH no longer takes, or not yet, are left out; a broken one is none of those. */
function checkedKeys(told: readonly HostKey[], who: string): HostKey[] {
  if (told.length > MAX_KEYS) throw invalid(who, `more than ${MAX_KEYS} keys`);
  const keys = told.flatMap(({ type, base64 }) => {
    const key = parseHostKey(type, base64);
    if (key !== undefined) return [key];
    if (isKnownType(type) || !isKeyTypeName(type)) throw invalid(who, 'a line is no key');
    return [];
  });
  if (keys.length > 0) return sortedKeys(keys);
  throw new DevaccessError('DA_HOST_KEYS_NONE', `${who} has no SSH host keys`, {
    next: 'check that an SSH server is installed there, and has been started once',
  });
}

function answerIn(stdout: string, who: string): Answer {
  const lines = stdout.split(/\r?\n/);
  const start = lines.indexOf(FIRST_LINE);
  if (start < 0) throw invalid(who, 'its beginning is missing');
  const end = lines.indexOf(LAST_LINE, start);
  return end < 0 ? undefined : lines.slice(start + 1, end);
}

function invalid(who: string, what: string): DevaccessError {
  return new DevaccessError(
    'DA_HOST_KEYS_INVALID',
    `${who} did not answer with host keys: ${what}`,
    { next: 'run the command again; if it stays so, look at the node: it runs what it should not' },
  );
}
