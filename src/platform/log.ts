import { createWriteStream } from 'node:fs';

/** A diagnostic log: named events with plain figures. Never a payload, never a secret. */
export interface Log {
  event(name: string, facts?: Readonly<Record<string, unknown>>): void;
}

export const SILENT_LOG: Log = {
  event() {
    /* nowhere */
  },
};

/** Appends one JSON line for each event to a file of mode 0600; a failing disk is ignored. */
export function fileLog(path: string, now: () => number = Date.now): Log {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  stream.on('error', () => undefined);
  return {
    event(name, facts = {}) {
      stream.write(
        `${JSON.stringify({ time: new Date(now()).toISOString(), event: name, ...facts })}\n`,
      );
    },
  };
}
