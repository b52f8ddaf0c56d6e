/** What the address of a proxy says. */

/** Whether a proxy speaks SOCKS. */
export function isSocks({ protocol }: URL): boolean {
  return protocol.startsWith('socks');
}

/** The port of a proxy; the usual one of its kind where none is named. */
export function proxyPort(proxy: URL): number {
  const usual = isSocks(proxy) ? 1080 : proxy.protocol === 'https:' ? 443 : 80;
  return Number(proxy.port || usual);
}

/** Who asks the proxy, where its address says so. */
export function proxyUser({
  username,
  password,
}: URL): { name: string; password: string } | undefined {
  if (username === '' && password === '') return undefined;
  return { name: decoded(username), password: decoded(password) };
}

/** A `%` that was meant as itself stays. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
