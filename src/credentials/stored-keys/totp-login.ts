import type { LongTermSecret, TotpSecret } from '../../aws/long-term-secret.ts';
import { DevaccessError } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { chooseDevice } from '../mfa-choices.ts';
import { profileSettings, readAwsFiles } from '../profiles.ts';
import type { KeyPlace, KeyWorld } from './key-places.ts';
import { settleMoves, transferKey } from './key-transfer.ts';
import type { OpenStores } from './key-transfer.ts';
import { findIn, openBoth, readKey } from './move-key.ts';
import type { KeyQuery } from './move-key.ts';
import { withKeyLock } from './move-record.ts';
import { parseSeed } from '../totp-seed.ts';

/** What `devaccess login totp --json` prints. Holds no secret. */
export interface TotpResult {
  profile: string;
  section: string;
  action: 'stored' | 'removed' | 'unchanged';
  place: KeyPlace;
}

/**
 * Stores the seed of the MFA device with the long-term key, or removes it.
 *
 * @throws DevaccessError DA_TOTP_PLAIN for a key in plain text, DA_NO_MFA_DEVICE, DA_USAGE for what is no
 *   seed, and those of `transferKey`
 */
export async function changeTotp(
  { isStored, ...query }: KeyQuery & { isStored: boolean },
  world: KeyWorld & { say: (text: string) => void },
): Promise<TotpResult> {
  for (const done of await settleMoves(world)) world.say(done);
  const { section, spot } = findIn(query, world.env);
  const { profile } = query;
  const result = { profile, section, place: spot.place };
  if (spot.place === 'plain') {
    if (!isStored) return { ...result, action: 'unchanged' };
    refusePlainSeed(section);
  }
  const device = isStored ? deviceOf(section, world.env) : undefined;
  const stores = await openBoth([spot.place], world);
  const seed = isStored ? await askSeed(section, world) : undefined;
  const totp = seed === undefined || device === undefined ? undefined : { seed, device };
  const isChanged = await replaceTotp(query, totp, world, stores);
  if (!isChanged) return { ...result, action: 'unchanged' };
  return { ...result, action: totp === undefined ? 'removed' : 'stored' };
}

/**
 * Stores the seed of a device beside the key that is not in plain text.
 *
 * @throws DevaccessError DA_TOTP_PLAIN and those of `transferKey`
 */
export async function keepSeed(
  query: KeyQuery,
  totp: TotpSecret,
  world: KeyWorld,
): Promise<KeyPlace> {
  const { section, spot } = findIn(query, world.env);
  if (spot.place === 'plain') refusePlainSeed(section);
  await replaceTotp(query, totp, world, await openBoth([spot.place], world));
  return spot.place;
}

/** @throws DevaccessError DA_TOTP_PLAIN */
export function refusePlainSeed(section: string): never {
  throw new DevaccessError(
    'DA_TOTP_PLAIN',
    `The key of [${section}] is in plain text, where a seed is not written`,
    { next: 'move the key first: devaccess login move --to keychain, or --to file' },
  );
}

/** @returns false where it was so already */
function replaceTotp(
  query: KeyQuery,
  totp: TotpSecret | undefined,
  world: KeyWorld,
  stores: OpenStores,
): Promise<boolean> {
  return withKeyLock(world.env, async () => {
    const found = findIn(query, world.env);
    const { totp: before, ...key } = await readKey(found, world, stores);
    if (before?.seed === totp?.seed && before?.device === totp?.device) return false;
    const secret: LongTermSecret = totp === undefined ? key : { ...key, totp };
    const { leftOver } = await transferKey(
      { section: found.section, from: found.spot, to: found.spot.place, secret },
      world,
      stores,
    );
    if (leftOver !== undefined) throw leftOver;
    return true;
  });
}

/** The seed is of this device alone. @throws DevaccessError DA_NO_MFA_DEVICE */
function deviceOf(section: string, env: Environment): string {
  const files = readAwsFiles(env);
  return chooseDevice(undefined, {}, profileSettings(files, section) ?? new Map(), section);
}

async function askSeed(section: string, { askSecret }: KeyWorld): Promise<string> {
  const answer = await askSecret({
    message: `Secret configuration key of the MFA device of [${section}], or its otpauth:// address:`,
    validate: (text) => isSeed(text) || 'it has letters A-Z and digits 2-7',
    withoutTerminal: 'run devaccess login totp in a terminal',
  });
  return parseSeed(answer);
}

function isSeed(text: string): boolean {
  try {
    parseSeed(text);
    return true;
  } catch {
    return false;
  }
}
