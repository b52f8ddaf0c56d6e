/** One block of a PEM file (RFC 7468, and the older form with headers of RFC 1421). */
export interface PemBlock {
  /** Between `BEGIN` and the dashes, such as `CERTIFICATE`. */
  readonly label: string;
  /** What the base64 holds; encrypted, where headers say so. */
  readonly der: Buffer;
  /** The block as it stands, headers and all, for OpenSSL. */
  readonly text: string;
}

const BEGIN = /^-----BEGIN ([A-Z0-9][A-Z0-9 ]*)-----\s*$/;

/**
 * The whole blocks of a PEM file in their order. What stands between them, a block cut short, and
 * one that is not base64 are left out, as by all readers.
 */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let lines: string[] = [];
  // Editors of Windows put a mark in front, which may have been read as UTF-8 or as bytes.
  for (const line of text.replace(/^(?:\uFEFF|\u00EF\u00BB\u00BF)/, '').split(/\r\n|\n|\r/)) {
    const begun = BEGIN.exec(line)?.[1];
    if (begun !== undefined) {
      label = begun;
      lines = [];
    } else if (label !== undefined && line.trimEnd() === `-----END ${label}-----`) {
      const block = madeOf(label, lines);
      if (block !== undefined) blocks.push(block);
      label = undefined;
    } else {
      lines.push(line.trim());
    }
  }
  return blocks;
}

/** A block of its label and contents. */
export function pemText(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function madeOf(label: string, lines: readonly string[]): PemBlock | undefined {
  const hasHeaders = lines[0]?.includes(':') === true;
  const base64 = lines.slice(hasHeaders ? lines.indexOf('') + 1 : 0).join('');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const text = [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
  return { label, der: Buffer.from(base64, 'base64'), text };
}
