/** What a sync tells besides its result. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { NamedAccount } from './name-hosts.ts';
import type { OwnText } from './own-texts.ts';
import { shadowNotices, textEntries } from './shadows.ts';
import type { ShadowedEntry } from './shadows.ts';
import { LOOKUP_TEXT_NAME } from './ssh-config-file.ts';
import { readSshConfig } from './ssh-files.ts';
import type { ConfigPlace } from './ssh-files.ts';
import type { SyncWorld } from './sync.ts';
import { configAfter } from './write-texts.ts';
import type { WritePlan } from './write-texts.ts';

/** Servers that EC2 Instance Connect does not know. */
export function keylessNotices(named: readonly NamedAccount[]): string[] {
  const without = named.flatMap(({ account, entries }) =>
    account.options.key === 'instance-connect'
      ? entries.filter(({ instanceId }) => instanceId.startsWith('mi-'))
      : [],
  );
  if (without.length === 0) return [];
  const names = without.slice(0, 5).map(({ alias }) => alias);
  const more = without.length > 5 ? ` and ${without.length - 5} more` : '';
  return [
    `outside EC2 there is no EC2 Instance Connect: ${names.join(', ')}${more} bring no key along; --key auto gives them one by Run Command`,
  ];
}

/** Which lines of the person's config will win over our entries. */
export function shadowsOf(
  plan: WritePlan,
  place: ConfigPlace,
  texts: ReadonlyMap<string, string | undefined>,
  kept: readonly OwnText[],
): string[] {
  const after = { ...place, configText: configAfter(plan), ownFiles: plan.ownFiles };
  const all = new Map([...kept.map(({ name, text }) => [name, text] as const), ...texts]);
  const entriesIn = (name: string): ShadowedEntry[] =>
    name === LOOKUP_TEXT_NAME
      ? [...all.values()].flatMap((text) => textEntries(text ?? ''))
      : textEntries(all.get(name) ?? '');
  return shadowNotices(readSshConfig(after), entriesIn);
}

/** What about this computer will surprise the person later. */
export function placeNotices({ sshDirectory, loginHome, program }: SyncWorld): string[] {
  const notices: string[] = [];
  const config = join(sshDirectory, 'config');
  const mode = statSync(config, { throwIfNoEntry: false })?.mode ?? 0;
  if (process.platform !== 'win32' && (mode & 0o022) !== 0) {
    notices.push(`others may write ${config}, and ssh refuses such a file: chmod go-w ${config}`);
  }
  if (sshDirectory !== join(loginHome, '.ssh')) {
    // ssh asks the system for the home, not HOME.
    notices.push(`HOME is not the login's home, so ssh needs to be told: ssh -F ${config}`);
  }
  if (/[/\\]_npx[/\\]/.test(program.script)) {
    notices.push('npx keeps devaccess in a cache only; npm install -g devaccess, then sync again');
  }
  return notices;
}
