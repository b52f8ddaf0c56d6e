import { DevaccessError } from '../../platform/errors.ts';
import { proxyCommands } from '../proxy-command.ts';
import type { ProxyProgram } from '../proxy-command.ts';
import { readStartSession } from './start-session-command.ts';

/** What became of the ProxyCommands of an SSH config that start sessions by the AWS CLI. */
export interface Migration {
  /** One character a byte. */
  text: string;
  /** Names of the Host lines that are ours now. */
  migrated: string[];
  /** Those that stay as they are. */
  left: { host: string; line: number; why: string }[];
}

/**
 * Puts devaccess-proxy in the place of the AWS CLI in the ProxyCommands of an SSH config. Nothing but
 * these values is changed, and other ProxyCommands are left alone.
 *
 * @param text one character a byte
 */
export function migrateConfig(text: string, program: ProxyProgram): Migration {
  const migrated: string[] = [];
  const left: Migration['left'] = [];
  let host = '';
  const lines = text.split(/(?<=\n)/).map((line, at) => {
    const match = /^(\s*)([A-Za-z]+)(\s*=\s*|\s+)(.*?)(\s*)$/s.exec(line);
    const [, indent = '', keyword = '', gap = '', value = '', end = ''] = match ?? [];
    if (/^(host|match)$/i.test(keyword)) host = readable(value);
    if (!/^proxycommand$/i.test(keyword)) return line;
    const reading = readStartSession(value);
    if (reading === undefined) return line;
    const name = host === '' ? '(all hosts)' : host;
    const command = 'why' in reading ? reading : ours(reading, program);
    if (typeof command === 'object') {
      left.push({ host: name, line: at + 1, why: readable(command.why) });
      return line;
    }
    migrated.push(name);
    const bytes = Buffer.from(command, 'utf8').toString('latin1');
    return `${indent}${keyword}${gap}${bytes}${end}`;
  });
  return { text: lines.join(''), migrated, left };
}

function readable(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function ours(
  {
    target,
    port,
    profile,
    region,
  }: Exclude<ReturnType<typeof readStartSession>, undefined | { why: string }>,
  program: ProxyProgram,
): string | { why: string } {
  try {
    return proxyCommands(program, { profile, region })
      .direct()
      .trimEnd()
      .replace('--target %h', `--target ${target}`)
      .replace('--port %p', `--port ${port}`);
  } catch (error) {
    if (!(error instanceof DevaccessError)) throw error;
    return { why: error.message };
  }
}
