import { bytesText } from './quantities.ts';

export interface Progress {
  files: number;
  filesDone: number;
  bytes: number;
  bytesDone: number;
}

/** The rate is that of the last seconds: what counts is what the network does now. */
const MEMORY_MS = 8_000;

/** Bytes a second over the last seconds. Time comes in as an argument, in milliseconds. */
export class RecentRate {
  readonly #samples: { atMs: number; bytes: number }[] = [];

  /** @param bytes done so far */
  sample(bytes: number, nowMs: number): void {
    this.#samples.push({ atMs: nowMs, bytes });
    while (nowMs - (this.#samples[1]?.atMs ?? nowMs) > MEMORY_MS) this.#samples.shift();
  }

  /** Undefined until there is anything to tell it from. */
  get bytesPerSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.atMs - first.atMs < 500) return undefined;
    return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000;
  }
}

/**
 * One line of at most `columns` characters: share, bar, amounts, rate and time left; less of it where
 * the terminal is narrow.
 */
export function progressLine(
  progress: Progress,
  bytesPerSecond: number | undefined,
  columns: number,
): string {
  const { files, filesDone, bytes, bytesDone } = progress;
  const share = bytes === 0 ? filesDone / Math.max(files, 1) : Math.min(bytesDone / bytes, 1);
  const percent = `${String(Math.floor(share * 100)).padStart(3)}%`;
  const left = timeLeft(bytes - bytesDone, bytesPerSecond);
  const rate = bytesPerSecond === undefined ? [] : [`${bytesText(bytesPerSecond)}/s`];
  const isAllThere = bytes > 0 && bytesDone >= bytes;
  // The most important first: what does not fit any more is left out, with all after it.
  const parts = [
    percent,
    ...(isAllThere ? ['checking'] : [...(left === undefined ? [] : [left]), ...rate]),
    `${bytesText(Math.min(bytesDone, bytes))} of ${bytesText(bytes)}`,
    ...(files > 1 ? [`${filesDone} of ${files} files`] : []),
  ];
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? part : `${line}  ${part}`;
    if (longer.length >= columns) return line;
    line = longer;
  }
  return withBar(line, percent, share, columns);
}

const MIN_BAR = 10;
const MAX_BAR = 40;

function withBar(line: string, percent: string, share: number, columns: number): string {
  const room = Math.min(columns - 1 - line.length - 3, MAX_BAR);
  if (room < MIN_BAR) return line;
  const filled = Math.floor(share * room);
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(room - filled)}]`;
  return `${percent} ${bar}${line.slice(percent.length)}`;
}

function timeLeft(bytes: number, bytesPerSecond: number | undefined): string | undefined {
  if (bytesPerSecond === undefined || bytesPerSecond <= 0) return undefined;
  const seconds = Math.ceil(Math.max(bytes, 0) / bytesPerSecond);
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 99) return undefined;
  const text =
    hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  return `${text} left`;
}
