/** The access key of a user who has none: made, handed over once, and never left without its secret. */
import { createAccessKey, deleteAccessKey, isLostKey, keyLastUsed } from '../../aws/access-keys.ts';
import type { NewKey } from '../../aws/access-keys.ts';
import type { ClientOptions } from '../../aws/client-settings.ts';
import { listAccessKeys } from '../../aws/own-user.ts';
import type { ListedKey } from '../../aws/own-user.ts';
import type { PendingKeys } from './pending-keys.ts';

/** Longer than asking for a key takes, however often it is tried. */
const ASKING_MS = 10 * 60_000;

export interface UserKeyWorld {
  /** Keeps a new key where its user will get it. @returns where that is */
  handOver: (user: string, key: NewKey) => Promise<string>;
  pending: Pick<PendingKeys, 'note' | 'drop'>;
  now: () => number;
}

/**
 * Makes a key and hands it over. Of one whose secret did not arrive, or that cannot be handed over, nothing is
 * left; where that cannot be seen to now, it stays noted for the next run.
 *
 * @returns where it is
 * @throws DevaccessError those of `createAccessKey` and of `handOver`
 */
export async function makeUserKey(
  userName: string,
  client: ClientOptions,
  { handOver, pending, now }: UserKeyWorld,
): Promise<string> {
  const sinceMs = now();
  await pending.note(userName, sinceMs);
  const key = await createAccessKey(client, userName).catch(async (error: unknown) => {
    const removed = await removeLost(userName, sinceMs, client).catch(() => undefined);
    if (removed === 0) pending.drop(userName);
    if (removed === undefined || removed === 0) throw error;
    return createAccessKey(client, userName);
  });
  const { accessKeyId } = key;
  try {
    if (key.isRepeated) await removeLost(userName, sinceMs, client, accessKeyId);
    const place = await handOver(userName, key);
    pending.drop(userName);
    return place;
  } catch (error) {
    await deleteAccessKey(client, { userName, accessKeyId });
    pending.drop(userName);
    throw error;
  }
}

/** @returns how many were deleted */
async function removeLost(
  userName: string,
  sinceMs: number,
  client: ClientOptions,
  except?: string,
): Promise<number> {
  const listed = await listAccessKeys(client, userName);
  const others = listed.filter(({ accessKeyId }) => accessKeyId !== except);
  const lost = await lostKeys(others, sinceMs, client);
  for (const { accessKeyId } of lost) await deleteAccessKey(client, { userName, accessKeyId });
  return lost.length;
}

/** Those of a user's keys that were made while one was asked for, and that nobody has the secret of. */
export async function lostKeys(
  keys: readonly ListedKey[],
  sinceMs: number,
  client: ClientOptions,
): Promise<ListedKey[]> {
  const lost: ListedKey[] = [];
  for (const key of keys) {
    const isLater = (key.createdMs ?? sinceMs) > sinceMs + ASKING_MS;
    if (isLater) continue;
    if (await isLostKey(key, sinceMs, (id) => keyLastUsed(client, id))) lost.push(key);
  }
  return lost;
}
