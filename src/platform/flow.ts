/** How fast a session sends, as a person writes it in flags, variables and the config file. */

/** A token bucket of data messages. */
export interface PaceSetting {
  perSecond: number;
  burst: number;
}

/** Where a token bucket of more would no longer hold anything back. */
const MAX_PACE = 1_000_000;
/** From a few messages to more than any path needs at what one session can carry. */
const WINDOW_KIB = { min: 64, max: 65_536 };

export const PACE_FORM = "'off' or messages per second, such as 900, or 900/1800 with a burst";
export const WINDOW_FORM = `a number of KiB from ${WINDOW_KIB.min} to ${WINDOW_KIB.max}`;

/** Undefined when it is none. */
export function readPace(text: string): PaceSetting | 'off' | undefined {
  if (text === 'off') return 'off';
  const [, rate = '', burst = rate] = /^(\d{1,7})(?:\/(\d{1,7}))?$/.exec(text) ?? [];
  const pace = { perSecond: Number(rate), burst: Number(burst) };
  const isValid = pace.perSecond >= 1 && pace.burst >= 1 && pace.perSecond <= MAX_PACE;
  return isValid ? pace : undefined;
}

/** Bytes in flight at most, from a text in KiB. Undefined when it is none. */
export function readWindow(text: string): number | undefined {
  const kibibytes = Number(text);
  const { min, max } = WINDOW_KIB;
  const isValid = /^\d{1,6}$/.test(text) && kibibytes >= min && kibibytes <= max;
  return isValid ? kibibytes * 1024 : undefined;
}
