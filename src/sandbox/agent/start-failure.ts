/** How the real agent reports, in channel_closed, a command that could not be started. */
export function commandNotStarted(reason: string): string {
  return `\n----------ERROR-------\nUnable to start command: ${reason}\n`;
}
