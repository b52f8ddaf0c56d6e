import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';

/** So many, or such a part of all. */
export type Share = { count: number } | { percent: number };

/** Reads `20` or `10%`. @throws DevaccessError DA_USAGE */
export function parseShare(flag: string, text: string, least: 0 | 1): Share {
  const [, digits = '', unit = ''] = /^(\d{1,6})(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  const fits = digits !== '' && number >= least && (unit === '' || number <= 100);
  if (fits) return unit === '%' ? { percent: number } : { count: number };
  throw new DevaccessError('DA_USAGE', `'${printable(text)}' is no ${flag}`, {
    next: 'write it as 20 or 10%',
    exitCode: EXIT.usage,
  });
}

/** How many that is; a part is rounded down, as the service does. */
export function shareOf(share: Share, all: number): number {
  return 'count' in share ? share.count : Math.floor((all * share.percent) / 100);
}
