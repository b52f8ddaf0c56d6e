import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import { shellWord } from '../../platform/shell-quote.ts';
import { aclGrants } from './acl.ts';

/** How to take back what folklore has people do to read root's credentials. */
export type Undo =
  { kind: 'chmod'; path: string; mode: number } | { kind: 'unlink'; path: string; target: string };

export interface Exposed {
  finding: Finding;
  undo: Undo;
}

export interface ExposurePlaces {
  /** Root's home. */
  home: string;
  /** What the agent writes its credentials to. */
  credentialsFile: string;
  /** Homes of the other users. */
  otherHomes: readonly string[];
}

const OTHERS = 0o077;

/**
 * Who can get at the agent's credentials that should not (5.5 of the facts on nodes).
 *
 * @param grantsOf users and groups that an ACL lets at a path, beside those that its mode tells of
 */
export function findExposure(
  { home, credentialsFile, otherHomes }: ExposurePlaces,
  grantsOf: (path: string) => readonly string[] = aclGrants,
): Exposed[] {
  const open = (id: string, path: string, mode: number, bits: number, what: string): Exposed[] =>
    openTo(id, { path, mode, bits, what, grants: grantsOf(path) });
  const isInHome = credentialsFile.startsWith(`${home}/`);
  const folder = dirname(credentialsFile);
  return [
    ...open(
      'root-home-open',
      home,
      0o700,
      0o007,
      "root's home: keys, histories and tokens of root",
    ),
    ...(isInHome && folder !== home
      ? open('root-aws-open', folder, 0o700, OTHERS, "the folder of root's credentials")
      : []),
    ...open('agent-credentials-open', credentialsFile, 0o600, OTHERS, "the node's credentials"),
    ...otherHomes.flatMap((other) =>
      ['.aws', join('.aws', 'credentials')].flatMap((name) =>
        linkTo(name === '.aws' ? folder : credentialsFile, join(other, name)),
      ),
    ),
  ];
}

interface Guarded {
  path: string;
  /** What it should have. */
  mode: number;
  /** Of its mode, those that nobody else may have. */
  bits: number;
  what: string;
  grants: readonly string[];
}

/** An ACL's mask is what the mode shows as the group's: to take the bits away is to close the ACL, too. */
function openTo(id: string, { path, mode, bits, what, grants }: Guarded): Exposed[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || ((stats.mode & bits) === 0 && grants.length === 0)) return [];
  const present = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  const acl = grants.length === 0 ? '' : `, an ACL for ${grants.join(', ')}`;
  const text = `${path} is open to others (mode ${present}${acl}): ${what}`;
  const command = `chmod ${mode.toString(8)} ${shellWord(path)}`;
  return [
    {
      finding: finding(id, 'problem', text, { command }),
      undo: { kind: 'chmod', path, mode },
    },
  ];
}

function linkTo(credentialsFile: string, path: string): Exposed[] {
  try {
    if (!lstatSync(path).isSymbolicLink()) return [];
    const target = readlinkSync(path);
    const isOurs = target === credentialsFile || leadsTo(path, credentialsFile);
    if (!isOurs) return [];
    const text = `${path} is a link to the node's credentials: who uses it acts as the node`;
    const fix = { command: `rm ${shellWord(path)}` };
    return [
      {
        finding: finding('agent-credentials-link', 'problem', text, fix),
        undo: { kind: 'unlink', path, target },
      },
    ];
  } catch {
    // No such file, mostly; a home that even root may not look into.
    return [];
  }
}

function leadsTo(path: string, target: string): boolean {
  try {
    return realpathSync(path) === realpathSync(target);
  } catch {
    return false;
  }
}

/**
 * Takes one back. A user may swap folders of her own home at any moment: a link is removed through
 * its folder as it was opened, so that root never removes a file elsewhere.
 *
 * @throws the system's error, or one for what has changed meanwhile
 */
export function undoExposure(undo: Undo): void {
  if (undo.kind === 'chmod') {
    const descriptor = openSync(undo.path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      fchmodSync(descriptor, undo.mode);
    } finally {
      closeSync(descriptor);
    }
    return;
  }
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_DIRECTORY;
  const folder = openSync(dirname(undo.path), flags);
  try {
    const held = `/proc/self/fd/${folder}/${basename(undo.path)}`;
    if (!lstatSync(held).isSymbolicLink() || readlinkSync(held) !== undo.target) {
      throw new Error(`${undo.path} is another one now`);
    }
    unlinkSync(held);
  } finally {
    closeSync(folder);
  }
}
