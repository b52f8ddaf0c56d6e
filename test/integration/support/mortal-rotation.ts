/**
 * A program that rotates the key of `[default-long-term]` and is killed on its way:
 * `mortal-rotation HOME STEP`, STEP as `before createKey` or `after identity 2`: a call, and which one.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rotateKey } from '../../../src/credentials/rotation/rotate-key.ts';
import type { RotationRequest } from '../../../src/credentials/rotation/rotate-key.ts';
import { ROTATION_CALLS } from '../../../src/credentials/rotation/rotation-world.ts';
import type { RotationWorld } from '../../../src/credentials/rotation/rotation-world.ts';
import { EncryptedFile } from '../../../src/platform/secrets/encrypted-file.ts';
import { CHEAP_SCRYPT } from '../../unit/platform/secrets/cheap-scrypt.ts';
import { FolderStore } from './folder-store.ts';

export const ROTATE: RotationRequest = {
  profile: 'default',
  longTermSuffix: undefined,
  mode: 'usual',
  maxAgeMs: undefined,
  graceMs: 0,
  deletesInactive: false,
};

type Calls = typeof ROTATION_CALLS;

/** The calls, with `at` told of each before and after it: `before createKey`, `after identity 2`. */
export function watchedCalls(at: (step: string) => void): Calls {
  const counts = new Map<string, number>();
  const wrap =
    <A extends unknown[], R>(name: keyof Calls, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      const label = count === 1 ? name : `${name} ${count}`;
      at(`before ${label}`);
      const answer = await call(...args);
      at(`after ${label}`);
      return answer;
    };
  return {
    listKeys: wrap('listKeys', ROTATION_CALLS.listKeys),
    createKey: wrap('createKey', ROTATION_CALLS.createKey),
    setActive: wrap('setActive', ROTATION_CALLS.setActive),
    deleteKey: wrap('deleteKey', ROTATION_CALLS.deleteKey),
    lastUsed: wrap('lastUsed', ROTATION_CALLS.lastUsed),
    identity: wrap('identity', ROTATION_CALLS.identity),
  };
}

/** What a run uses, and what a later one finds. */
export function worldOf(home: string, at: (step: string) => void = () => undefined) {
  const passphrase = (): Promise<string> => Promise.resolve('correct horse battery');
  const source = { tries: 1, present: passphrase, chosen: passphrase };
  const stores = {
    keychain: new FolderStore(join(home, 'keychain')),
    file: new EncryptedFile(join(home, '.aws', 'devaccess-keys.json'), source, CHEAP_SCRYPT),
  };
  const said: string[] = [];
  return {
    env: { HOME: home },
    now: Date.now,
    wait: () => Promise.resolve(),
    say: (text: string) => said.push(text),
    said,
    signIn: (): ReturnType<RotationWorld['signIn']> => Promise.resolve(undefined),
    askSecret: passphrase,
    openStore: (kind: 'keychain' | 'file') => stores[kind],
    calls: watchedCalls(at),
  } satisfies RotationWorld & { said: string[] };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [home = '', end = ''] = process.argv.slice(2);
  const die = (step: string): void => {
    if (step === end) process.kill(process.pid, 'SIGKILL');
  };
  await rotateKey(ROTATE, worldOf(home, die));
}
