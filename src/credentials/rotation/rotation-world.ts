import { setTimeout as sleep } from 'node:timers/promises';
import {
  createAccessKey,
  deleteAccessKey,
  keyLastUsed,
  setKeyActive,
} from '../../aws/access-keys.ts';
import { callerIdentity } from '../../aws/caller-identity.ts';
import type { ClientOptions } from '../../aws/client-settings.ts';
import { untilConsistent } from '../../aws/iam-calls.ts';
import type { LongTermSecret } from '../../aws/long-term-secret.ts';
import { findMfaSession } from '../../aws/mfa-sessions.ts';
import type { StoredSession } from '../../aws/mfa-sessions.ts';
import { listAccessKeys } from '../../aws/own-user.ts';
import { DevaccessError } from '../../platform/errors.ts';
import type { SecretStore } from '../../platform/secrets/secret-store.ts';
import { readSecretText, secretText } from '../../aws/long-term-secret.ts';
import { regionOf } from '../own-user/user-access.ts';
import { openStore } from '../stored-keys/key-places.ts';
import type { KeyPlace, KeyWorld } from '../stored-keys/key-places.ts';
import { findIn, readKey } from '../stored-keys/move-key.ts';
import type { KeyQuery } from '../stored-keys/move-key.ts';
import type { FoundKey } from '../stored-keys/key-section.ts';
import { RecoveryFile } from './rotation-journal.ts';
import type { JournalKey } from './rotation-journal.ts';

/** The calls of AWS that a rotation makes; a test dies in between. */
export const ROTATION_CALLS = {
  listKeys: listAccessKeys,
  createKey: createAccessKey,
  setActive: setKeyActive,
  deleteKey: deleteAccessKey,
  lastUsed: keyLastUsed,
  identity: callerIdentity,
};

/** The outer world of a rotation, given so that a test decides it. */
export interface RotationWorld extends KeyWorld {
  now: () => number;
  wait?: (ms: number) => Promise<unknown>;
  say: (text: string) => void;
  /** An MFA session of the user, for whom a device is known; may ask for a code. */
  signIn: () => Promise<StoredSession | undefined>;
  calls?: typeof ROTATION_CALLS;
}

/** A session that ends within it is not begun with. */
const MARGIN_MS = 5 * 60_000;

/** What every step of a rotation works with. */
export class Rotation {
  readonly query: KeyQuery;
  readonly world: RotationWorld;
  readonly calls: typeof ROTATION_CALLS;
  readonly #vaults = new Map<KeyPlace, SecretStore>();
  /** A session that no file has. */
  #made: StoredSession | undefined;

  constructor(query: KeyQuery, world: RotationWorld) {
    this.query = query;
    this.world = world;
    this.calls = world.calls ?? ROTATION_CALLS;
  }

  /** The key that the profile's section has now. */
  present(): FoundKey {
    return findIn(this.query, this.world.env);
  }

  /**
   * What IAM is asked with: the MFA session made of one of the keys; where there is none and a device is
   * known, a new one; else the section's key itself.
   *
   * @param keys ids of the keys a session may have been made of
   */
  async caller(keys: readonly string[]): Promise<ClientOptions> {
    const kept = await this.#session(keys);
    if (kept !== undefined) return kept;
    if (this.#made === undefined || !this.#lasts(this.#made)) {
      this.#made = await this.world.signIn();
    }
    if (this.#made !== undefined) return this.#sessionClient(this.#made);
    return this.clientOf(await readKey(this.present(), this.world, {}));
  }

  async #session(keys: readonly string[]): Promise<ClientOptions | undefined> {
    for (const key of keys) {
      const session = await findMfaSession(key, this.world.env);
      if (session !== undefined && this.#lasts(session)) return this.#sessionClient(session);
    }
    return undefined;
  }

  #lasts({ expirationMs }: StoredSession): boolean {
    return expirationMs - this.world.now() > MARGIN_MS;
  }

  #sessionClient({ accessKeyId, secretAccessKey, sessionToken }: StoredSession): ClientOptions {
    return this.#client({ accessKeyId, secretAccessKey, sessionToken });
  }

  clientOf({ accessKeyId, secretAccessKey }: LongTermSecret): ClientOptions {
    return this.#client({ accessKeyId, secretAccessKey });
  }

  #client(credentials: ClientOptions['credentials']): ClientOptions {
    const { section } = this.present();
    const region = regionOf(this.query, section, this.world.env);
    return { credentials, region, profile: this.query.profile };
  }

  /** Where the secrets of both keys are kept meanwhile. */
  vault(place: KeyPlace, section: string): SecretStore {
    const known = this.#vaults.get(place);
    if (known !== undefined) return known;
    const made =
      place === 'plain' ? new RecoveryFile(section, this.world.env) : openStore(place, this.world);
    this.#vaults.set(place, made);
    return made;
  }

  /** @throws DevaccessError DA_KEY_NOT_KEPT */
  async keep(store: SecretStore, entry: string, secret: LongTermSecret): Promise<void> {
    const text = secretText(secret);
    await store.write(entry, text);
    if ((await store.read(entry)) === text) return;
    throw new DevaccessError(
      'DA_KEY_NOT_KEPT',
      `${store.label} gives back another key than it got`,
      { next: 'move the key to another place: devaccess login move' },
    );
  }

  /** @throws DevaccessError DA_KEY_NOT_STORED, DA_KEY_DAMAGED */
  async kept(
    store: SecretStore,
    place: KeyPlace,
    { accessKeyId, entry }: JournalKey,
  ): Promise<LongTermSecret> {
    const kind = place === 'plain' ? 'file' : place;
    const pointer = { store: kind, entry, accessKeyId, hasTotp: false } as const;
    return readSecretText(await store.read(entry), pointer, store.label);
  }

  /**
   * Waits until AWS knows a key, and that it is the user's.
   *
   * @throws DevaccessError DA_KEY_NOT_WORKING after half a minute; others where AWS cannot be asked
   */
  async verify(secret: LongTermSecret, arn: string): Promise<void> {
    const ask = () => this.calls.identity(this.clientOf(secret));
    const suffix = secret.accessKeyId.slice(-4);
    try {
      const passing = ['DA_CREDENTIALS_INVALID'] as const;
      const identity = await untilConsistent(ask, passing, this.world.wait ?? sleep);
      if (identity.arn === arn) return;
      throw new DevaccessError('DA_KEY_NOT_WORKING', `The key …${suffix} is of ${identity.arn}`);
    } catch (error) {
      const isRefused = error instanceof DevaccessError && error.code === 'DA_CREDENTIALS_INVALID';
      if (!isRefused) throw error;
      throw new DevaccessError('DA_KEY_NOT_WORKING', `AWS does not take the key …${suffix}`, {
        next: 'try again in a few minutes',
        cause: error,
      });
    }
  }
}
