import { join } from 'node:path';
import { confirm } from '../../cli/confirm.ts';
import { migrateConfig } from '../../hosts/migrate/migrate-config.ts';
import type { Migration } from '../../hosts/migrate/migrate-config.ts';
import type { ProxyProgram } from '../../hosts/proxy-command.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { sshDirectory } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { editFile, readTextFile } from '../../platform/safe-file.ts';
import { unifiedDiff } from '../../platform/unified-diff.ts';

/** What became of hand-made entries. */
export interface SshMigration {
  path: string;
  migrated: string[];
  left: Migration['left'];
  /** The file as it was; null where nothing was written. */
  backup: string | null;
  diff: string;
}

interface MigratePlace {
  env: Environment;
  /** What the entries are to run. */
  program: ProxyProgram;
  now: number;
  dryRun: boolean;
  /** Undefined: the person is asked. */
  isWanted: boolean | undefined;
  /** Whether nobody is to be asked. */
  isSure: boolean;
  show: (text: string) => void;
}

/** ssh takes any bytes in comments and paths. */
const BYTES = { encoding: 'binary' } as const;

/**
 * Offers to put devaccess-proxy in the place of the AWS CLI in `~/.ssh/config`, and keeps the file as it
 * was beside it.
 *
 * @returns null where there are no such entries
 * @throws DevaccessError those of `editFile`; DA_NO_TERMINAL (exit 3)
 */
export async function migrateSsh(place: MigratePlace): Promise<SshMigration | null> {
  const { env, program, now, dryRun, isWanted, isSure, show } = place;
  const path = join(sshDirectory(env), 'config');
  const before = readTextFile(path, BYTES) ?? '';
  const { text, migrated, left } = migrateConfig(before, program);
  if (migrated.length + left.length === 0) return null;
  for (const { host, line, why } of left) {
    show(`${path}:${line}: the entry of ${host} stays with the AWS CLI: ${why}`);
  }
  const result = { path, migrated, left, backup: null, diff: '' };
  if (migrated.length === 0) return result;
  if (isWanted === false) {
    show(
      `${path} has entries that run the AWS CLI (${names(migrated)}): devaccess setup --migrate`,
    );
    return result;
  }
  const diff = unifiedDiff(path, shown(before), shown(text));
  show(diff.trimEnd());
  if (dryRun) return { ...result, diff };
  if (!isSure && !(await isAgreed(migrated))) return result;
  const backup = `${path}.before-devaccess-${new Date(now).toISOString().replaceAll(/[-:]|\..*/g, '')}`;
  await editFile(backup, () => before, BYTES);
  const migrate = (present: string): string => migrateConfig(present, program).text;
  await editFile(path, migrate, { ...BYTES, mode: 'keep' });
  return { ...result, backup, diff };
}

async function isAgreed(migrated: readonly string[]): Promise<boolean> {
  try {
    await confirm(
      `Let the entries of ${names(migrated)} run devaccess-proxy?`,
      'run the same with --migrate --yes, or --no-migrate',
    );
    return true;
  } catch (error) {
    if (error instanceof DevaccessError && error.code === 'DA_CANCELLED') return false;
    throw error;
  }
}

function shown(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function names(hosts: readonly string[]): string {
  return hosts.length > 3
    ? `${hosts.slice(0, 3).join(', ')} and ${hosts.length - 3} more`
    : hosts.join(', ');
}
