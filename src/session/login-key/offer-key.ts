import { userInfo } from 'node:os';
import { chooseRegion } from '../../aws/region.ts';
import { DevaccessError, EXIT, errorLine } from '../../platform/errors.ts';
import { errorCode } from '../../platform/file-errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { LOGIN_NAME } from './authorize-script.ts';
import { KeyAgent } from './key-agent.ts';
import { newMemoryKey } from './memory-key.ts';
import { agentPublicLine } from './person-agent.ts';
import { KEY_LIFE_MS, pushKey } from './push-key.ts';
import type { KeyDestination } from './push-key.ts';

/** What the command line says of the key to log in with. */
export interface KeyOffer extends Omit<KeyDestination, 'user' | 'region'> {
  /** Undefined: as ssh takes it, the name of the user here. */
  user: string | undefined;
  /** Undefined: that of the environment. */
  region: string | undefined;
  /** Where ssh finds an agent with a key made for this connection; undefined: the key is the person's agent's. */
  agentPath: string | undefined;
}

export interface OfferWorld {
  env: Environment;
  say: (line: string) => void;
  stop: AbortSignal;
}

/** A key that is on its way to the server, or there. */
export interface OfferedKey {
  close(): Promise<void>;
}

/** After this a key is pushed again: ssh needs a moment, too. */
const GOOD_FOR_MS = KEY_LIFE_MS - 20_000;

/**
 * Gives a server a public key that logs in for a minute, while the connection to it is being made; ssh
 * has the private half by an agent: one of this process, with a key made for it, or the person's own.
 * Where the key does not get there the person is told, and ssh goes on with what else it has.
 *
 * @throws DevaccessError DA_USAGE for a name nobody can log in with, DA_SSH_AGENT, DA_FOLDER_UNSAFE,
 *   DA_NO_REGION
 */
export async function offerKey(offer: KeyOffer, world: OfferWorld): Promise<OfferedKey> {
  const user = offer.user ?? userInfo().username;
  if (!LOGIN_NAME.test(user)) {
    throw new DevaccessError('DA_USAGE', `'${user}' cannot be a login name`, {
      next: 'give --user NAME',
      exitCode: EXIT.usage,
    });
  }
  const { agentPath } = offer;
  const key = agentPath === undefined ? undefined : newMemoryKey();
  const publicLine = key?.publicLine ?? (await agentPublicLine(world.env));
  const region = chooseRegion({ flag: offer.region, env: world.env, profileRegion: undefined });
  const pushes = new Pushes(publicLine, { ...offer, user, region }, world);
  void pushes.isThere();
  if (key === undefined || agentPath === undefined) return { close: () => Promise.resolve() };
  try {
    const isUsable = (): Promise<boolean> => pushes.isThere();
    return await KeyAgent.start({ path: agentPath, key, isUsable });
  } catch (error) {
    if (error instanceof DevaccessError) throw error;
    const why = errorCode(error) ?? 'it cannot be made';
    throw new DevaccessError('DA_SSH_AGENT', `No agent for ssh at ${agentPath}: ${why}`, {
      next: 'sync again: devaccess hosts sync',
      cause: error,
    });
  }
}

/** The key on the server: pushed again when it is asked for late, or was not taken. */
class Pushes {
  readonly #publicLine: string;
  readonly #destination: KeyDestination;
  readonly #world: OfferWorld;
  #latest: Promise<boolean> | undefined;
  #pushedAtMs = 0;

  constructor(publicLine: string, destination: KeyDestination, world: OfferWorld) {
    this.#publicLine = publicLine;
    this.#destination = destination;
    this.#world = world;
  }

  /** Never rejects: the person is told why not. */
  async isThere(): Promise<boolean> {
    const isFresh = performance.now() - this.#pushedAtMs < GOOD_FOR_MS;
    if (this.#latest === undefined || !isFresh || !(await this.#latest)) {
      this.#pushedAtMs = performance.now();
      this.#latest = this.#push();
    }
    return this.#latest;
  }

  async #push(): Promise<boolean> {
    const { env, say, stop } = this.#world;
    try {
      await pushKey(this.#publicLine, this.#destination, env, stop);
      return true;
    } catch (error) {
      if (!stop.aborted) say(errorLine(error));
      return false;
    }
  }
}
