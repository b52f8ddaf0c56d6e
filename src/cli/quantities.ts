const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes in three digits and a binary unit: `0 B`, `999 B`, `1.25 KiB`, `12.5 MiB`, `125 GiB`. */
export function bytesText(bytes: number): string {
  let value = Math.max(0, Math.round(bytes));
  let unit = 0;
  // What would be rounded to four digits belongs to the next unit.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ''}`;
}
