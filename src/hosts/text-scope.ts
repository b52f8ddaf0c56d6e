import type { OwnText } from './own-texts.ts';
import type { AccountFailure, SyncAccount } from './read-accounts.ts';
import { accountTextName, FIXED_TEXT_NAME, fleetTextName, textOwner } from './ssh-config-file.ts';

/** What becomes of the texts that are there. */
export interface TextScope {
  /** Written anew. */
  replaced: OwnText[];
  /** Of fleets that are no more, or of an account that is a fleet by now. */
  removed: OwnText[];
  /** Of others, and of what failed. */
  kept: OwnText[];
}

export interface ScopeRequest {
  /** Whose texts are written. */
  accounts: readonly SyncAccount[];
  failures: readonly AccountFailure[];
  /** The config file, if this is about all of it. */
  completeConfig: string | undefined;
  writesFixed: boolean;
}

/** The name of an account's text. */
export function textName({ fleet, profile, region }: SyncAccount): string {
  return fleet === undefined ? accountTextName(profile, region) : fleetTextName(fleet, region);
}

/** Sorts the texts that are there by what becomes of them. */
export function textScope(present: readonly OwnText[], request: ScopeRequest): TextScope {
  const written = new Set(request.accounts.map(textName));
  if (request.writesFixed) written.add(FIXED_TEXT_NAME);
  const superseded = new Set(
    request.accounts
      .filter(({ fleet }) => fleet !== undefined)
      .map(({ profile, region }) => accountTextName(profile, region)),
  );
  const scope: TextScope = { replaced: [], removed: [], kept: [] };
  for (const own of present) {
    const owner = textOwner(own.text);
    const isOrphan =
      owner.fleet !== undefined &&
      owner.config !== undefined &&
      owner.config === request.completeConfig &&
      !mayBeOf(own.name, owner.fleet, request.failures);
    const isSuperseded = owner.fleet === undefined && superseded.has(own.name);
    if (written.has(own.name)) scope.replaced.push(own);
    else if (isOrphan || isSuperseded) scope.removed.push(own);
    else scope.kept.push(own);
  }
  return scope;
}

/** Whether a text is, or could be, that of a region that failed. */
function mayBeOf(name: string, fleet: string, failures: readonly AccountFailure[]): boolean {
  return failures.some(
    (failure) =>
      failure.fleet === fleet &&
      (failure.region === undefined || name === fleetTextName(fleet, failure.region)),
  );
}
