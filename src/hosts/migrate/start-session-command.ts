/** ProxyCommands that people wrote by hand, with the AWS CLI and the session-manager-plugin. */

/** What such a command says of the session. */
export interface StartSessionCommand {
  /** `%h`, or an id. */
  target: string;
  /** `%p`, or a port. */
  port: string;
  profile: string | undefined;
  region: string | undefined;
}

/** `{ why }`: the AWS CLI is started, but in a way that has no counterpart here. */
export type CommandReading = StartSessionCommand | { why: string } | undefined;

const SHELLS = /^(?:sh|bash|dash|zsh|ksh|powershell|pwsh|cmd)(?:\.exe)?$/i;
const SHELL_FLAGS = /^(?:-l?i?c|-ec|-command|-noprofile|-nologo|\/c)$/i;
const CLI = /^aws(?:\.exe|\.cmd)?$/i;
const VARIABLES: Readonly<Record<string, 'profile' | 'region'>> = {
  AWS_PROFILE: 'profile',
  AWS_DEFAULT_PROFILE: 'profile',
  AWS_REGION: 'region',
  AWS_DEFAULT_REGION: 'region',
};
const REGION = /^[a-z]{2,5}(-[a-z]+){1,3}-\d{1,2}$/;
const DOCUMENT = 'AWS-StartSSHSession';

/**
 * Reads the value of a ProxyCommand.
 *
 * @returns undefined for a command that has nothing to do with Session Manager
 */
export function readStartSession(value: string): CommandReading {
  if (!/\bssm\b/.test(value) || !value.includes('start-session')) return undefined;
  const words = unwrapped(value);
  if (words === undefined) return { why: 'its quotes do not close' };
  const found: Partial<Record<'profile' | 'region', string>> = {};
  let rest = words;
  for (;;) {
    const [word = '', ...others] = rest;
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(word);
    if (assignment !== null) {
      const key = VARIABLES[assignment[1] ?? ''];
      if (key === undefined) return { why: `it sets ${assignment[1] ?? ''}` };
      found[key] = assignment[2] ?? '';
    } else if (word !== 'env' && word !== 'exec') break;
    rest = others;
  }
  const [program = '', ...flags] = rest;
  if (!CLI.test(baseName(program))) return { why: `it starts ${baseName(program)}` };
  return readFlags(flags, found);
}

function readFlags(
  words: readonly string[],
  found: Partial<Record<'profile' | 'region', string>>,
): CommandReading {
  const flags = new Map<string, string>(Object.entries(found));
  const plain: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('--')) {
      plain.push(word);
      continue;
    }
    const [, name = '', inline] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (!['target', 'document-name', 'parameters', 'profile', 'region', 'reason'].includes(name)) {
      return { why: `it has --${name}` };
    }
    // The command line wins over variables, as in the AWS CLI.
    flags.set(name, inline ?? words[at + 1] ?? '');
    if (inline === undefined) at += 1;
  }
  if (plain.join(' ') !== 'ssm start-session') return { why: 'it does more than start a session' };
  if (flags.get('document-name') !== DOCUMENT) return { why: `its document is not ${DOCUMENT}` };
  const target = flags.get('target') ?? '';
  if (!/^(%h|%n|m?i-[0-9a-f]{8,17})$/.test(target)) return { why: `its target is '${target}'` };
  const port = portOf(flags.get('parameters') ?? '');
  if (port === undefined) return { why: 'its parameters are not portNumber' };
  const region = flags.get('region');
  if (region !== undefined && !REGION.test(region)) return { why: `its region is '${region}'` };
  return { target, port, profile: flags.get('profile'), region };
}

/** `portNumber=%p`, or JSON. */
function portOf(parameters: string): string | undefined {
  const text = parameters.replace(/[\s"'\\{}[\]]/g, '');
  return /^portNumber[=:](%p|\d{1,5})$/.exec(text)?.[1];
}

/** The words of a command, out of the shells it is wrapped in. */
function unwrapped(value: string): string[] | undefined {
  let words = shellWords(value);
  for (let depth = 0; words !== undefined && depth < 3; depth += 1) {
    const [shell = '', ...rest] = words;
    if (!SHELLS.test(baseName(shell))) break;
    const inner = rest.filter((word) => !SHELL_FLAGS.test(word));
    const [only = ''] = inner;
    words = inner.length === 1 ? shellWords(only) : inner;
  }
  return words;
}

/** As a POSIX shell splits; a backslash counts before a quote, a blank or another one. */
function shellWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    const next = text.charAt(at + 1);
    if (quote !== '') {
      if (character === quote) quote = '';
      else if (character === '\\' && quote === '"' && /["\\]/.test(next)) {
        word = (word ?? '') + next;
        at += 1;
      } else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === '\\' && /["'\\\s]/.test(next)) {
      word = (word ?? '') + next;
      at += 1;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') return undefined;
  return word === undefined ? words : [...words, word];
}

function baseName(path: string): string {
  return path.replace(/^.*[/\\]/, '');
}
