import type { AwsCredentialIdentity } from '@smithy/types';
import { DevaccessError } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { ChainOptions } from './credential-chain.ts';
import { readSharedFiles, sharedProfile } from './files/shared-sections.ts';
import type { Section, SharedFiles } from './files/shared-sections.ts';
import { keyPointer } from './key-pointer.ts';
import { assumeProfileRole, knownSource } from './role-assumer.ts';
import type { RoleSource } from './role-assumer.ts';
import { readStoredKey } from './stored-key.ts';

/** A move to another place, met half-way, has the files read anew. */
const TRIES = 3;

/**
 * Credentials of a profile whose long-term key lies in the keychain or an encrypted file, or of one
 * whose chain of roles begins at such a key, in the SDK's order. The key is only read when it is used:
 * a role with MFA starts from the session, and one that is kept is not assumed.
 *
 * @returns undefined for all other profiles, which are the SDK's to resolve
 * @throws DevaccessError those of `readStoredKey` and `assumeProfileRole`
 */
export async function storedCredentials(
  options: ChainOptions,
): Promise<AwsCredentialIdentity | undefined> {
  const name = options.profile ?? envValue(options.env, 'AWS_PROFILE') ?? 'default';
  for (let tries = 1; ; tries += 1) {
    const chain = new StoredChain(readSharedFiles(options.env), options);
    try {
      return await (await chain.sourceOf(name, []))?.credentials();
    } catch (error) {
      const isGone = error instanceof DevaccessError && error.code === 'DA_KEY_NOT_STORED';
      if (!isGone || tries >= TRIES) throw error;
    }
  }
}

class StoredChain {
  readonly #files: SharedFiles;
  readonly #options: ChainOptions;

  constructor(files: SharedFiles, options: ChainOptions) {
    this.#files = files;
    this.#options = options;
  }

  /** @param visited profiles in front of this one, which it is the source of */
  async sourceOf(name: string, visited: readonly string[]): Promise<RoleSource | undefined> {
    const settings = sharedProfile(this.#files, name);
    if (settings === undefined) return undefined;
    const own = this.#storedKey(name, settings);
    const { role_arn: role, source_profile: next, credential_source: other } = settings;
    // A profile that names itself is assumed with its own key.
    const isRole = role !== undefined && next !== undefined && other === undefined;
    if (!isRole || (visited.length > 0 && own !== undefined)) return own;
    if (visited.includes(next)) return undefined;
    const source = await this.sourceOf(next, [...visited, next]);
    return source === undefined ? undefined : this.#roleWith(source, settings);
  }

  #storedKey(section: string, settings: Section): RoleSource | undefined {
    const isStatic = settings['aws_access_key_id'] && settings['aws_secret_access_key'];
    const pointer = isStatic ? undefined : keyPointer((key) => settings[key]);
    if (pointer === undefined) return undefined;
    return {
      accessKeyId: pointer.accessKeyId,
      credentials: async () => {
        const secret = await readStoredKey({ section, pointer }, this.#options);
        const { accessKeyId, secretAccessKey } = secret;
        const accountId = settings['aws_account_id'];
        return { accessKeyId, secretAccessKey, ...(accountId === undefined ? {} : { accountId }) };
      },
    };
  }

  async #roleWith(source: RoleSource, settings: Section): Promise<RoleSource> {
    const { profile, env, onNotice } = this.#options;
    const { external_id: externalId, mfa_serial: device, role_session_name: name } = settings;
    const parameters = {
      RoleArn: settings['role_arn'] ?? '',
      DurationSeconds: parseInt(settings['duration_seconds'] ?? '3600', 10),
      ...(name === undefined ? {} : { RoleSessionName: name }),
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
      ...(device === undefined ? {} : { SerialNumber: device }),
    };
    const options = { profile, env, now: Date.now, onNotice };
    return knownSource(await assumeProfileRole(source, parameters, options));
  }
}
