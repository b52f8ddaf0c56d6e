import { lstatSync, readlinkSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { DevaccessError } from '../../platform/errors.ts';
import { errorCode, fileError } from '../../platform/file-errors.ts';
import { resolveTarget } from '../../platform/file-target.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding, Fix } from '../../platform/finding.ts';
import { readTextFile } from '../../platform/safe-file.ts';
import { shellQuote } from '../../platform/shell-quote.ts';

/** One of the shared AWS files, whatever state it is in. */
export interface InspectedFile {
  path: string;
  /** Empty where there is nothing to read. */
  text: string;
  /** Whether the file is there and was read. */
  isRead: boolean;
  /** Why a tool that reads bytes as UTF-8 gives up on it. */
  refused: string | undefined;
  findings: Finding[];
}

/**
 * Reads a file and tells what is wrong with it as a file. Never throws, and never waits for a pipe.
 *
 * @param isWritten devaccess writes to it: then what forbids that is told, too
 */
export function inspectFile(path: string, isWritten: boolean): InspectedFile {
  const nothing = { path, text: '', isRead: false, refused: undefined };
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    const isMissing = errorCode(error) === 'ENOENT' && !isLink(path);
    const found = isMissing
      ? finding('file-missing', 'note', `There is no ${path}`)
      : unreadable(error, path);
    return { ...nothing, findings: [found] };
  }
  // Reading a pipe could take for ever; `makeEnvironmentSafe` has told of it.
  if (!stats.isFile()) return { ...nothing, findings: [] };
  const findings = [...linkFindings(path), ...folderFindings(path)];
  if (isWritten) findings.push(...writeFindings(path));
  try {
    return { ...nothing, text: readTextFile(path) ?? '', isRead: true, findings };
  } catch (error) {
    const refused = errorCode(error) === 'DA_FILE_ENCODING' ? 'it is not UTF-8' : undefined;
    return { ...nothing, refused, findings: [...findings, unreadable(error, path)] };
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function unreadable(error: unknown, path: string): Finding {
  if (isLink(path) && errorCode(error) === 'ENOENT') {
    const what = `${path} is a link to ${readlinkSync(path)}, which does not exist`;
    return finding('file-unreadable', 'problem', what, {
      command: `rm ${shellQuote(path)}`,
    });
  }
  const told = fileError(error, 'read', path);
  const what = told instanceof Error ? told.message : `Cannot read ${path}`;
  const next = told instanceof DevaccessError ? told.next : undefined;
  const isEncoding = told instanceof DevaccessError && told.code === 'DA_FILE_ENCODING';
  return finding(
    isEncoding ? 'file-encoding' : 'file-unreadable',
    'problem',
    isEncoding ? what : `${what}; AWS tools go on as if it were empty`,
    next === undefined ? null : { edit: next },
  );
}

function linkFindings(path: string): Finding[] {
  if (!isLink(path)) return [];
  return [finding('file-link', 'note', `${path} is a link to ${readlinkSync(path)}`)];
}

function folderFindings(path: string): Finding[] {
  if (process.platform === 'win32') return [];
  const folder = dirname(path);
  const { mode } = statSync(folder);
  if ((mode & 0o022) === 0 || (mode & 0o1000) !== 0) return [];
  const what = `Others may write in ${folder}, and put their own file in the place of ${path}`;
  return [finding('folder-open', 'warning', what, { command: `chmod go-w ${shellQuote(folder)}` })];
}

/** What `devaccess mfa` would be refused for. */
function writeFindings(path: string): Finding[] {
  try {
    resolveTarget(path);
    return [];
  } catch (error) {
    if (!(error instanceof DevaccessError)) return [];
    const fix: Fix | null = error.next === undefined ? null : { edit: error.next };
    return [
      finding('file-not-ours', 'warning', `devaccess mfa cannot write it: ${error.message}`, fix),
    ];
  }
}
