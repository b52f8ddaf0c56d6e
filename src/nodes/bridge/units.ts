import { join } from 'node:path';
import { DevaccessError } from '../../platform/errors.ts';
import { editFile } from '../../platform/safe-file.ts';
import { checkConsumerName, PUBLISHED_FOLDER } from './published-credentials.ts';

export interface UnitRequest {
  name: string;
  /** The bridge as it is to be run: program and arguments. */
  command: readonly string[];
  /** Where it publishes. */
  folder: string;
  /** The file whose change runs it at once; undefined where there is none. */
  watched: string | undefined;
}

export interface Unit {
  file: string;
  text: string;
}

const EVERY = '5min';
const MAKE_FOLDER = ['/bin/sh', '-c', 'umask 022 && exec mkdir -p -m 0711 -- "$1"', 'sh'];

/**
 * systemd units that run a bridge as root: a oneshot service, the timer, and the path unit that runs
 * it when the agent has written new credentials.
 *
 * @throws DevaccessError DA_USAGE for a word that no unit can hold
 */
export function bridgeUnits({ name, command, folder, watched }: UnitRequest): Unit[] {
  const unit = `devaccess-node-bridge-${checkConsumerName(name)}`;
  const isUsual = folder === PUBLISHED_FOLDER;
  const place = isUsual
    ? [
        'RuntimeDirectory=devaccess/credentials',
        'RuntimeDirectoryMode=0711',
        'RuntimeDirectoryPreserve=yes',
      ]
    : [
        // What is not there cannot be made writable, and the parents must let consumers pass.
        `ExecStartPre=+${MAKE_FOLDER.concat(folder).map(commandWord).join(' ')}`,
        `ReadWritePaths=${unitWord(folder)}`,
      ];
  const service = [
    '[Unit]',
    `Description=Credentials of this machine for ${name} (devaccess)`,
    'Documentation=man:systemd.service(5)',
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    'Type=oneshot',
    `ExecStart=${command.map(commandWord).join(' ')}`,
    'TimeoutStartSec=60',
    'UMask=0077',
    ...place,
    'NoNewPrivileges=yes',
    'CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_READ_SEARCH',
    'ProtectSystem=strict',
    'ProtectHome=read-only',
    'ProtectKernelTunables=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelLogs=yes',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    'ProtectControlGroups=yes',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'SystemCallArchitectures=native',
    'LockPersonality=yes',
  ];
  const timer = [
    '[Unit]',
    `Description=Renews the credentials of ${name} (devaccess)`,
    '',
    '[Timer]',
    'OnActiveSec=5s',
    `OnUnitInactiveSec=${EVERY}`,
    'AccuracySec=15s',
    'RandomizedDelaySec=15s',
    `Unit=${unit}.service`,
    '',
    '[Install]',
    'WantedBy=timers.target',
  ];
  const path = [
    '[Unit]',
    `Description=Renews the credentials of ${name} when the SSM agent has new ones (devaccess)`,
    '',
    '[Path]',
    `PathChanged=${watched ?? ''}`,
    `Unit=${unit}.service`,
    '',
    '[Install]',
    'WantedBy=paths.target',
  ];
  const all = [
    { file: `${unit}.service`, text: lines(service) },
    { file: `${unit}.timer`, text: lines(timer) },
  ];
  if (watched === undefined) return all;
  // A path is taken to the end of its line, with specifiers in it.
  unitWord(watched);
  return [...all, { file: `${unit}.path`, text: lines(path).replaceAll('%', '%%') }];
}

/**
 * Writes units into a folder.
 *
 * @returns what makes systemd use them
 * @throws DevaccessError of `editFile`
 */
export async function writeUnits(folder: string, units: readonly Unit[]): Promise<string[]> {
  const gid = process.getegid?.() ?? 0;
  for (const { file, text } of units) {
    await editFile(join(folder, file), () => text, { mode: { bits: 0o644, gid } });
  }
  const started = units.map(({ file }) => file).filter((file) => !file.endsWith('.service'));
  return ['systemctl daemon-reload', `systemctl enable --now ${started.join(' ')}`];
}

/** A word of a command line in a unit: nothing in it is expanded. */
function commandWord(word: string): string {
  return unitWord(word).replaceAll('$', '$$$$');
}

/** A word of a setting: no variables are looked for there. */
function unitWord(word: string): string {
  if (/[\p{Cc}]/u.test(word)) {
    throw new DevaccessError('DA_USAGE', 'A control character cannot be in a unit of systemd', {
      next: 'use other paths and names',
      exitCode: 2,
    });
  }
  const escaped = word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
  return /^[\w@+=:,./%-]+$/.test(word) ? escaped : `"${escaped}"`;
}

function lines(text: readonly string[]): string {
  return text.map((line) => `${line}\n`).join('');
}
