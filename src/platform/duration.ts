import { DevaccessError, EXIT } from './errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = { '': 1000, s: 1000, m: 60_000, h: 3_600_000 };
const DAY_MS = 86_400_000;
/** The longest that a timer can wait. */
const MAX_MS = 2 ** 31 - 1;

/**
 * Reads a length of time as a person writes it: `90`, `90s`, `15m`, `2h`.
 *
 * @returns milliseconds
 * @throws DevaccessError DA_USAGE
 */
export function parseDuration(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,7})([smh]?)$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? 0);
  if (count !== '' && ms > 0 && ms <= MAX_MS) return ms;
  throw new DevaccessError('DA_USAGE', `'${text}' is not a length of time`, {
    next: 'write it as 90s, 15m or 2h',
    exitCode: EXIT.usage,
  });
}

/**
 * Reads an age as a person writes it: `90d`, `36h`, `0`.
 *
 * @returns milliseconds
 * @throws DevaccessError DA_USAGE
 */
export function parseAge(text: string): number {
  if (text === '0') return 0;
  const [, count = '', unit = ''] = /^(\d{1,5})([hd])$/.exec(text) ?? [];
  if (count !== '') return Number(count) * (unit === 'd' ? DAY_MS : (UNIT_MS[unit] ?? 0));
  throw new DevaccessError('DA_USAGE', `'${text}' is not an age`, {
    next: 'write it as 90d or 36h',
    exitCode: EXIT.usage,
  });
}
