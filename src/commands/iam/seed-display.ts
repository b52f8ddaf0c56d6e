import { qrLines } from '../../cli/qr-code.ts';
import { terminalStyle } from '../../cli/terminal-style.ts';
import { printable } from '../../platform/errors.ts';
import { showOnTerminal } from '../../platform/terminal.ts';
import type { ShownSeed } from '../../credentials/own-user/enroll-device.ts';

/** As the console of AWS has it, and a shorter one, whose code fits into 24 lines. */
const ISSUERS = ['Amazon Web Services', 'AWS'] as const;

/**
 * Draws the QR code of a seed on the terminal device and nowhere else. Where it does not fit, and where
 * asked for, the secret is there to be typed.
 */
export async function showSeed(
  shown: ShownSeed,
  isSecretShown: boolean,
  withoutTerminal: string,
): Promise<void> {
  const { isUnicode, hasColor } = terminalStyle(process.env);
  const isColored = hasColor && process.env['TERM'] !== 'dumb';
  await showOnTerminal(({ columns, rows }) => {
    const codes = isUnicode
      ? ISSUERS.map((issuer) => qrLines(uriOf(shown, issuer), isColored))
      : [];
    // A line is left for the question below it.
    const code = codes.find((lines) => lines.length < rows - 1 && lines.length * 2 <= columns);
    const label = printable(shown.label);
    const secret = `Secret: ${groups(shown.seed)} (time-based, 6 digits, 30 seconds)\n`;
    if (code === undefined) {
      return `The QR code does not fit here. Type this into an authenticator app, as ${label}:\n${secret}`;
    }
    const typed = isSecretShown ? secret : '';
    return `Scan it with an authenticator app: ${label}\n${typed}${code.join('\n')}\n`;
  }, withoutTerminal);
}

function uriOf({ label, seed }: ShownSeed, issuer: string): string {
  const name = encodeURIComponent(issuer);
  return `otpauth://totp/${name}:${encodeURIComponent(label).replace('%40', '@')}?secret=${seed}&issuer=${name}`;
}

/** Four at a time, as people type it. */
function groups(seed: string): string {
  return seed.replace(/=+$/, '').replace(/.{4}(?=.)/g, '$& ');
}
