/** Whether a text is a host name or address that a session document takes; nothing that could be more. */
export function isRemoteHost(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$/.test(text);
}
