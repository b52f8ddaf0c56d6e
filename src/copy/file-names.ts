/**
 * Why a name from a server cannot become one here; undefined when it can. A server may send
 * anything: a path, what steers a terminal, a name that means a device.
 */
export function refusedName(name: Buffer, platform = process.platform): string | undefined {
  if (name.length > LONGEST_NAME_BYTES) return 'the name is too long';
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch {
    return 'the name is not UTF-8';
  }
  if (text === '') return 'the name is empty';
  if (text.includes('/') || text.includes('\0')) return 'the name is a path';
  if (/\p{Cc}/u.test(text)) return 'the name holds control characters';
  if (platform !== 'win32') return undefined;
  if (/[\\:*?"<>|]/.test(text) || /[. ]$/.test(text) || WINDOWS_DEVICE.test(text)) {
    return 'Windows knows no such name';
  }
  return undefined;
}

/** 255 characters, which is what file systems take, have no more bytes than this in UTF-8. */
const LONGEST_NAME_BYTES = 1020;

const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** Names of files are at most 255 bytes long nearly everywhere. */
const MAX_NAME_BYTES = 255;

/**
 * The name of a file that is not all there yet: hidden, beside where it will be, and not to be
 * guessed, so that nobody can put something in its place.
 *
 * @param token random, in letters and digits
 */
export function partialName(name: string, token: string): string {
  const ending = `.${token}.devaccess-part`;
  let kept = name;
  while (Buffer.byteLength(kept) > MAX_NAME_BYTES - 1 - ending.length) {
    kept = Array.from(kept).slice(0, -1).join('');
  }
  return `.${kept}${ending}`;
}
