import { DevaccessError } from '../platform/errors.ts';

/** Absolute paths of Node and of devaccess. */
export interface OwnProgram {
  node: string;
  script: string;
}

/** What neither a shell nor the file nor botocore's splitting takes for its own. */
const PLAIN_WORD = /^[\w\-@+.:/=,]+$/;

/**
 * A `credential_process` that every SDK runs alike, whether it splits the line itself (botocore) or
 * has a shell read it (JavaScript): absolute paths in double quotes, and other words where they need
 * them (3.2 of the credentials facts).
 *
 * @param words what follows `devaccess`
 * @throws DevaccessError DA_UNQUOTABLE_PATH for a word that cannot be written for all of them
 */
export function credentialProcessLine(
  { node, script }: OwnProgram,
  words: readonly string[],
): string {
  const plain = words.map((word) => (PLAIN_WORD.test(word) ? word : quote(word)));
  return [quote(node), quote(script), ...plain].join(' ');
}

/**
 * ` #` and ` ;` would end the value for the SDK for JavaScript. The percent signs of a PKCS#11 URI
 * cannot be done without, and mean something to cmd alone.
 */
function quote(word: string): string {
  const isWindows = process.platform === 'win32';
  const unsafe = isWindows ? /["%!^`$\p{Cc}]|\s[#;]/u : /["\\$`%!\p{Cc}]|\s[#;]/u;
  const checked = isWindows ? word : word.replace(/^pkcs11:.*/, (uri) => uri.replaceAll('%', ''));
  if (!unsafe.test(checked)) return `"${word}"`;
  throw new DevaccessError(
    'DA_UNQUOTABLE_PATH',
    `${word} cannot be written into a credential_process line`,
    { next: 'use folders and names without quotes, $, `, %, ! or backslashes' },
  );
}
