/** What every benchmark prints and writes: min, median and max, and the ratio to a peer of the same run. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Summary {
  min: number;
  median: number;
  max: number;
}

/** Samples by name, in the order of their first appearance. */
export class Samples {
  readonly #values = new Map<string, number[]>();

  record(name: string, value: number): void {
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }

  get names(): string[] {
    return [...this.#values.keys()];
  }

  /** @throws Error where nothing was measured under that name */
  summary(name: string): Summary {
    const values = this.#values.get(name);
    if (values === undefined) throw new Error(`${name} was not measured`);
    return summary(values);
  }

  toJSON(): Record<string, number[]> {
    return Object.fromEntries(this.#values);
  }
}

export interface Row extends Summary {
  name: string;
  /** Medians, and minima, divided by those of the peer; undefined for a peer itself. */
  byMedian?: number;
  byMin?: number;
}

/** @param peerOf the name a row is compared with */
export function rowsOf(samples: Samples, peerOf: (name: string) => string | undefined): Row[] {
  return samples.names.map((name) => {
    const own = samples.summary(name);
    const peerName = peerOf(name);
    if (peerName === undefined || !samples.names.includes(peerName)) return { name, ...own };
    const peer = samples.summary(peerName);
    return { name, ...own, byMedian: own.median / peer.median, byMin: own.min / peer.min };
  });
}

/** Prints the rows and, where a file is named, writes them with the machine and every sample. */
export function report(
  title: string,
  unit: string,
  { rows, samples, file, facts = {} }: ReportInput,
): void {
  const lines = [
    [unit, 'min', 'median', 'max', '× peer (min)', '× peer (median)'],
    ...rows.map(({ name, min, median, max, byMin, byMedian }) => [
      name,
      ...[min, median, max].map((value) => value.toFixed(1)),
      ...[byMin, byMedian].map((value) => value?.toFixed(2) ?? ''),
    ]),
  ];
  process.stdout.write(`\n${title}\n${table(lines)}`);
  if (file === undefined) return;
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? '', cpus: cpus().length };
  const content = { title, unit, date: new Date().toISOString(), machine, ...facts, rows, samples };
  writeFileSync(file, `${JSON.stringify(content, undefined, 2)}\n`);
}

interface ReportInput {
  rows: readonly Row[];
  samples: Samples;
  /** Where `--json` points. */
  file?: string | undefined;
  /** Settings of the run. */
  facts?: Record<string, unknown>;
}

function summary(values: readonly number[]): Summary {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (index: number): number => sorted[index] ?? NaN;
  return { min: at(0), median: at(Math.floor(sorted.length / 2)), max: at(sorted.length - 1) };
}

function table(lines: readonly (readonly string[])[]): string {
  const [head = []] = lines;
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const padded = lines.map((line) =>
    line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    ),
  );
  return `${padded.map((line) => line.join('  ')).join('\n')}\n`;
}
