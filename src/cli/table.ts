/** A column of a table that is to fit the width of a terminal. */
export interface Column {
  head: string;
  cells: readonly string[];
  align?: 'left' | 'right';
  /** May be cut to so many characters; else it is shown whole. */
  min?: number;
  /** Cut at its start, unmarked: the end is what counts. */
  keepsEnd?: boolean;
  /** What gives way first where the width does not suffice, and is then left out; 0: never left out. */
  dispensable: number;
}

const GAP = '  ';

/**
 * Lines of a table no wider than `width`, a header first.
 *
 * @param columns cells must be printable, of one column a character
 * @param ellipsis marks what was cut
 */
export function tableLines(columns: readonly Column[], width: number, ellipsis: string): string[] {
  const fitted = fit(columns, width);
  const rows = Math.max(0, ...columns.map(({ cells }) => cells.length));
  return Array.from({ length: rows + 1 }, (_, row) => {
    const cells = fitted.map(({ column, width }) => {
      const text = row === 0 ? column.head : (column.cells[row - 1] ?? '');
      const cell =
        column.keepsEnd === true && row > 0 ? text.slice(-width) : cut(text, width, ellipsis);
      return column.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
    });
    return cut(cells.join(GAP).trimEnd(), width, ellipsis);
  });
}

/** A text of at most `width` characters, the cut marked. */
export function cut(text: string, width: number, ellipsis: string): string {
  if (text.length <= width) return text;
  if (width < ellipsis.length) return text.slice(0, Math.max(0, width));
  return text.slice(0, width - ellipsis.length) + ellipsis;
}

interface FittedColumn {
  column: Column;
  width: number;
}

function fit(columns: readonly Column[], width: number): FittedColumn[] {
  const fitted = columns.map((column) => ({
    column,
    width: Math.max(column.head.length, ...column.cells.map(({ length }) => length)),
  }));
  const taken = fitted.reduce((sum, { width }) => sum + width, 0);
  let excess = taken + GAP.length * (fitted.length - 1) - width;
  const byNeed = [...fitted].sort(
    (left, right) => right.column.dispensable - left.column.dispensable,
  );
  for (const entry of byNeed) {
    const give = Math.min(excess, entry.width - (entry.column.min ?? entry.width));
    if (give <= 0) continue;
    entry.width -= give;
    excess -= give;
  }
  const least = byNeed[0]?.column;
  if (excess <= 0 || least === undefined || least.dispensable === 0) return fitted;
  return fit(
    columns.filter((column) => column !== least),
    width,
  );
}
