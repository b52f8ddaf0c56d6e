import { join } from 'node:path';
import { makePrivateFolder } from '../platform/private-folder.ts';
import { checkBastion } from './bastion.ts';
import type { PlannedFixed } from './fixed-hosts.ts';
import { checkUser } from './host-user.ts';
import { agentFolderOf } from './login-keys.ts';
import type { KeyChoice, KeyOrigin, LoginKeys } from './login-keys.ts';
import { proxyCommands } from './proxy-command.ts';
import type { ProxyAccount, ProxyProgram } from './proxy-command.ts';
import type { SyncAccount } from './read-accounts.ts';
import type { EntryStyle } from './render-entry.ts';
import { sharingOf } from './sharing.ts';

interface StyleWorld {
  /** `~/.ssh`. */
  sshDirectory: string;
  /** The home ssh itself uses. */
  loginHome: string;
  program: ProxyProgram;
  flow: ProxyAccount['flow'];
}

interface StyleOptions {
  identityFile: string | undefined;
  key: KeyChoice | undefined;
  keyFrom: KeyOrigin;
  controlPersist: string | undefined;
}

/** What entries of one account have in common, checked; and the folders that they need. */
export class EntryStyles {
  readonly notices: string[] = [];
  readonly #world: StyleWorld;
  readonly #styles = new Map<SyncAccount, EntryStyle>();
  readonly #folders = new Set<string>();

  constructor(world: StyleWorld) {
    this.#world = world;
  }

  /** @throws DevaccessError DA_USAGE, DA_UNQUOTABLE_PATH for what cannot be written */
  of(account: SyncAccount): EntryStyle {
    const known = this.#styles.get(account);
    if (known !== undefined) return known;
    const { proxyProfile, region, options } = account;
    if (options.user !== undefined) checkUser(options.user);
    if (options.bastion !== undefined) checkBastion(options.bastion);
    const style = this.#make(proxyProfile, region, options);
    this.#styles.set(account, style);
    return style;
  }

  /** @throws DevaccessError as `of` */
  ofFixed({ host, profile, region }: PlannedFixed): EntryStyle {
    return this.#make(profile, region, host);
  }

  /**
   * Makes what the entries refer to.
   *
   * @throws DevaccessError DA_FOLDER_UNSAFE, DA_FILE_NOT_WRITABLE
   */
  makeFolders(): void {
    for (const folder of this.#folders) makePrivateFolder(folder);
  }

  #make(
    profile: string | undefined,
    region: string | undefined,
    options: StyleOptions,
  ): EntryStyle {
    const { program, flow = {} } = this.#world;
    return {
      proxyCommands: proxyCommands(program, { profile, region, flow }),
      identityFile: options.identityFile,
      keys: options.key === undefined ? undefined : this.#keys(options.key, options.keyFrom),
      sharing: this.#sharing(options.controlPersist),
    };
  }

  #keys(choice: KeyChoice, from: KeyOrigin): LoginKeys | undefined {
    const { sshDirectory, loginHome } = this.#world;
    const isUsual = sshDirectory === join(loginHome, '.ssh');
    const configFile = isUsual ? undefined : join(sshDirectory, 'config');
    if (from === 'agent') return { choice, agentFolder: undefined, configFile };
    const place = agentFolderOf(sshDirectory);
    if (typeof place === 'string') {
      this.#note(`entries bring no key along: ${place}`);
      return undefined;
    }
    this.#folders.add(place.folder);
    return { choice, agentFolder: place.folder, configFile };
  }

  #note(notice: string): void {
    if (!this.notices.includes(notice)) this.notices.push(notice);
  }

  #sharing(persist: string | undefined): EntryStyle['sharing'] {
    if (persist === undefined) return undefined;
    const sharing = sharingOf(this.#world.sshDirectory);
    if (typeof sharing === 'string') {
      this.#note(`connections are not shared: ${sharing}`);
      return undefined;
    }
    this.#folders.add(sharing.folder);
    return { controlPath: sharing.controlPath, persist };
  }
}
