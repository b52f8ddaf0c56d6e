/** The server broke the protocol; the connection cannot go on. */
export class SftpProtocolError extends Error {
  override readonly name = 'SftpProtocolError';
}

/** The server refused a request, with a status code of the protocol (§7). */
export class SftpStatusError extends Error {
  override readonly name = 'SftpStatusError';
  readonly status: number;

  /** @param text what the server says of it: not to be shown as it is */
  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}
