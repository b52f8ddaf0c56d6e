const CONTEXT = 3;
/** Beyond this many differing lines the middle is shown as replaced: still correct, just longer. */
const MAX_EDITS = 1_000;

type Change = { kind: ' ' | '-' | '+'; line: string };

/**
 * A unified diff of two texts as `diff -u` and `patch` know it; empty when they are equal.
 *
 * @param path name for both header lines; a missing file is given as an empty text
 */
export function unifiedDiff(path: string, before: string, after: string): string {
  if (before === after) return '';
  const changes = compare(splitLines(before), splitLines(after));
  const hunks = [...hunkRanges(changes)].map(([from, to]) => renderHunk(changes, from, to));
  return `--- ${path}\n+++ ${path}\n${hunks.join('')}`;
}

/** Lines with their end of line, so that a missing final newline is a difference too. */
function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function compare(before: readonly string[], after: readonly string[]): Change[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  const room = Math.min(before.length, after.length) - head;
  while (tail < room && before[before.length - 1 - tail] === after[after.length - 1 - tail]) {
    tail += 1;
  }
  const as = (kind: Change['kind']) => (line: string) => ({ kind, line });
  return [
    ...before.slice(0, head).map(as(' ')),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(as(' ')),
  ];
}

/** Myers' greedy shortest edit script ("An O(ND) Difference Algorithm", 1986). */
function middle(before: readonly string[], after: readonly string[]): Change[] {
  const trace: Map<number, number>[] = [];
  let reach = new Map([[1, 0]]);
  for (let edits = 0; edits <= Math.min(before.length + after.length, MAX_EDITS); edits += 1) {
    trace.push(new Map(reach));
    const next = new Map(reach);
    for (let k = -edits; k <= edits; k += 2) {
      const down = reach.get(k + 1) ?? -1;
      const right = (reach.get(k - 1) ?? -2) + 1;
      let x = k === -edits || (k !== edits && right <= down) ? down : right;
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x += 1;
      next.set(k, x);
      if (x >= before.length && x - k >= after.length) return backtrack(trace, before, after);
    }
    reach = next;
  }
  return [
    ...before.map((line) => ({ kind: '-' as const, line })),
    ...after.map((line) => ({ kind: '+' as const, line })),
  ];
}

function backtrack(
  trace: readonly Map<number, number>[],
  before: readonly string[],
  after: readonly string[],
): Change[] {
  const reversed: Change[] = [];
  let x = before.length;
  let y = after.length;
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const reach = trace[edits] ?? new Map<number, number>();
    const k = x - y;
    const down = reach.get(k + 1) ?? -1;
    const right = (reach.get(k - 1) ?? -2) + 1;
    const isDown = k === -edits || (k !== edits && right <= down);
    const fromX = isDown ? down : right - 1;
    const fromY = fromX - (isDown ? k + 1 : k - 1);
    const startX = edits === 0 ? 0 : isDown ? fromX : fromX + 1;
    while (x > startX) {
      x -= 1;
      y -= 1;
      reversed.push({ kind: ' ', line: before[x] ?? '' });
    }
    if (edits === 0) break;
    reversed.push(
      isDown ? { kind: '+', line: after[fromY] ?? '' } : { kind: '-', line: before[fromX] ?? '' },
    );
    x = fromX;
    y = fromY;
  }
  return reversed.reverse();
}

/** Ranges of changes with their context; those whose contexts touch are one. */
function* hunkRanges(changes: readonly Change[]): Generator<[number, number]> {
  let open: [number, number] | undefined;
  for (const [index, { kind }] of changes.entries()) {
    if (kind === ' ') continue;
    const from = Math.max(0, index - CONTEXT);
    const to = Math.min(changes.length, index + CONTEXT + 1);
    if (open !== undefined && from <= open[1]) {
      open[1] = to;
    } else {
      if (open !== undefined) yield open;
      open = [from, to];
    }
  }
  if (open !== undefined) yield open;
}

function renderHunk(changes: readonly Change[], from: number, to: number): string {
  const count = (kinds: string, start: number, end: number): number =>
    changes.slice(start, end).filter(({ kind }) => kinds.includes(kind)).length;
  const range = (kinds: string): string => {
    const length = count(kinds, from, to);
    const start = count(kinds, 0, from) + (length === 0 ? 0 : 1);
    return `${start},${length}`;
  };
  const lines = changes
    .slice(from, to)
    .map(({ kind, line }) =>
      line.endsWith('\n') ? kind + line : `${kind}${line}\n\\ No newline at end of file\n`,
    );
  return `@@ -${range(' -')} +${range(' +')} @@\n${lines.join('')}`;
}
