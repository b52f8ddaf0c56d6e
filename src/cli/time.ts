/** A moment as the person's clock shows it, with its zone, and in UTC. */
export function localAndUtc(iso: string): string {
  const moment = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const utc = moment.toISOString().slice(0, 19).replace('T', ' ');
  return zone === 'UTC' ? `${utc} UTC` : `${date} ${time} ${zone} (${utc} UTC)`;
}

/**
 * Reads a length of time: seconds, or with units, such as `900`, `15m`, `1h30m`.
 *
 * @returns seconds; undefined for what is none
 */
export function readDuration(text: string): number | undefined {
  const match = /^(?=.)(?:(\d{1,4})h)?(?:(\d{1,5})m(?:in)?)?(?:(\d{1,7})s?)?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, hours = '0', minutes = '0', seconds = '0'] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** A length of time in its two largest units, such as `11 h 59 min`. */
export function roughDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.max(0, seconds)} s`;
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
