const BARS = { unicode: '▁▂▃▄▅▆▇█', ascii: '_.:-=+*#' };

/**
 * The last values as a row of bars, the newest on the right, `width` characters wide.
 *
 * @param atLeast the highest bar stands for at least this much, so that next to nothing looks so
 */
export function sparkline(
  values: readonly number[],
  width: number,
  { isUnicode, atLeast }: { isUnicode: boolean; atLeast: number },
): string {
  const bars = isUnicode ? BARS.unicode : BARS.ascii;
  const shown = width > 0 ? values.slice(-width) : [];
  const top = Math.max(atLeast, ...shown);
  const drawn = shown.map((value) => {
    const level = value <= 0 ? 0 : Math.ceil((value / top) * (bars.length - 1));
    return bars[level] ?? bars[0];
  });
  return drawn.join('').padStart(width, bars[0]);
}
