import { encode } from 'uqr';

/** Light modules around it; the standard asks for four, and readers do with one. */
const BORDER = 1;
/** Of the 256 colours, these are not changed by themes as the first sixteen are. */
const BLACK_ON_WHITE = '\u001b[38;5;16;48;5;231m';
const PLAIN = '\u001b[0m';

/**
 * Lines of a QR code in half blocks, two rows of modules each; dark on light, as readers want it.
 *
 * @param hasColor without colours the terminal is taken for a dark one
 */
export function qrLines(text: string, hasColor: boolean): string[] {
  const { data } = encode(text, { ecc: 'L', border: BORDER });
  // What is drawn is dark with colours, and light without.
  const isDrawn = (row: number, column: number): boolean =>
    (data[row]?.[column] === true) === hasColor;
  return Array.from({ length: Math.ceil(data.length / 2) }, (_, line) => {
    const cells = Array.from({ length: data.length }, (_, column) => {
      const upper = isDrawn(2 * line, column);
      const lower = isDrawn(2 * line + 1, column);
      return upper ? (lower ? '█' : '▀') : lower ? '▄' : ' ';
    });
    return hasColor ? `${BLACK_ON_WHITE}${cells.join('')}${PLAIN}` : cells.join('');
  });
}
