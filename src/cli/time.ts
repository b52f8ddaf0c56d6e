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

/** A length of time in its two largest units, such as `11 h 59 min`. */
export function roughDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.max(0, seconds)} s`;
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
