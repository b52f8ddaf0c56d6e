import {
  closeSync,
  fchmodSync,
  fstatSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';

/** A diagnostic log: named events with plain figures. Never a payload, never a secret. */
export interface Log {
  event(name: string, facts?: Readonly<Record<string, unknown>>): void;
}

export const SILENT_LOG: Log = {
  event() {
    /* nowhere */
  },
};

/**
 * Appends one JSON line for each event to a file of mode 0600. Written at once: the last lines
 * before an end are those that tell why. A failing disk is ignored.
 */
export function fileLog(path: string, now: () => number = Date.now): Log {
  const file = openPrivate(path);
  if (file === undefined) return SILENT_LOG;
  return { event: (name, facts = {}) => append(file, logLine(now(), name, facts)) };
}

const MAX_LOG_BYTES = 1024 * 1024;

/**
 * A `fileLog` that may stay open for weeks, in several processes: at `maxBytes` the file becomes
 * `path.1`, in the place of the one before, and a new one is begun.
 */
export function boundedLog(
  path: string,
  maxBytes = MAX_LOG_BYTES,
  now: () => number = Date.now,
): Log {
  let file = openPrivate(path);
  return {
    event(name, facts = {}) {
      file = rotated(file, path, maxBytes);
      if (file !== undefined) append(file, logLine(now(), name, { pid: process.pid, ...facts }));
    },
  };
}

/** The file to write to: another process may have begun a new one, or it is time to. */
function rotated(file: number | undefined, path: string, maxBytes: number): number | undefined {
  try {
    const own = file === undefined ? undefined : fstatSync(file);
    const present = statSync(path, { throwIfNoEntry: false });
    if (own !== undefined && own.ino === present?.ino) {
      if (own.size < maxBytes) return file;
      renameSync(path, `${path}.1`);
    }
    if (file !== undefined) closeSync(file);
    return openPrivate(path);
  } catch {
    return file;
  }
}

function logLine(nowMs: number, event: string, facts: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ time: new Date(nowMs).toISOString(), event, ...facts })}\n`;
}

function append(file: number, line: string): void {
  try {
    writeSync(file, line);
  } catch {
    // Nobody to tell.
  }
}

function openPrivate(path: string): number | undefined {
  try {
    const file = openSync(path, 'a', 0o600);
    // A file that was there already may be open to others; a device or a pipe is left alone.
    if (fstatSync(file).isFile()) fchmodSync(file, 0o600);
    return file;
  } catch {
    return undefined;
  }
}
