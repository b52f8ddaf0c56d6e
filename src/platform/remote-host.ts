/** Whether a text is a host name or address that a session document takes; nothing that could be more. */
export function isRemoteHost(text: string): boolean {
  return /^(?:[A-Za-z0-9_]|::)[\w.:-]{0,252}$/.test(text);
}

/** `HOST:PORT`, an IPv6 address in brackets. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
