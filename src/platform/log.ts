import { fchmodSync, fstatSync, openSync, writeSync } from 'node:fs';

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
  return {
    event(name, facts = {}) {
      const line = JSON.stringify({ time: new Date(now()).toISOString(), event: name, ...facts });
      try {
        writeSync(file, `${line}\n`);
      } catch {
        // Nobody to tell.
      }
    },
  };
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
