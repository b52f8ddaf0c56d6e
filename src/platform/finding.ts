/** What a check found, for people and for `--json`. Holds no secret. */
export interface Finding {
  /** Stable; docs/doctor.md lists them. */
  id: string;
  severity: Severity;
  what: string;
  /** How to put it right; null where nothing is to be done, or nobody but the person can know. */
  fix: Fix | null;
}

/**
 * `problem`: something does not work. `warning`: it works by chance, for some tools, or not for long.
 * `note`: good to know.
 */
export type Severity = 'ok' | 'note' | 'warning' | 'problem';

/** A command to run, or what to do by hand. */
export type Fix = { command: string } | { edit: string };

/** Makes a finding. */
export function finding(
  id: string,
  severity: Severity,
  what: string,
  fix: Fix | null = null,
): Finding {
  return { id, severity, what, fix };
}

/** A finding in one line; a command that helps is a part of it. */
export function findingLine({ what, fix }: Finding): string {
  return fix !== null && 'command' in fix ? `${what}: ${fix.command}` : what;
}
