/**
 * A command line of ours for a comment, with values in quotes where a shell needs them. Control
 * characters cannot be a part of a comment line.
 *
 * @param options values by flag; true stands alone, undefined and false are left out
 */
export function commandLine(
  command: string,
  options: Readonly<Record<string, string | boolean | number | readonly string[] | undefined>>,
): string {
  const words = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    const values = typeof value === 'object' ? value : [String(value)];
    return values.flatMap((each) => [`--${name}`, shellWord(each)]);
  });
  return [command, ...words].join(' ');
}

/** One word of a shell, without control characters. */
export function shellWord(value: string): string {
  if (/^[\w:=.@/+,-]+$/.test(value)) return value;
  return `'${value.replace(/\p{Cc}/gu, '?').replaceAll("'", `'\\''`)}'`;
}
