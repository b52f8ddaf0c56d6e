import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/** What a terminal can show, as far as the environment tells. */
export interface TerminalStyle {
  /** Characters beyond ASCII, such as blocks, are in its encoding and font. */
  isUnicode: boolean;
  /** https://no-color.org */
  hasColor: boolean;
}

export function terminalStyle(env: Environment): TerminalStyle {
  const locale = envValue(env, 'LC_ALL') ?? envValue(env, 'LC_CTYPE') ?? envValue(env, 'LANG');
  return {
    isUnicode: /utf-?8/i.test(locale ?? '') && envValue(env, 'TERM') !== 'linux',
    hasColor: envValue(env, 'NO_COLOR') === undefined,
  };
}
