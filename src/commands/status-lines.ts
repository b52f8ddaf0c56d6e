import { tableLines } from '../cli/table.ts';
import type { Column } from '../cli/table.ts';
import { localAndUtc, roughDuration } from '../cli/time.ts';
import type { CredentialsLeft } from '../credentials/check-left.ts';
import type { CredentialsStatus, ProfileStatus } from '../credentials/status.ts';
import { printable } from '../platform/errors.ts';

/** The status for people: a table of the profiles, then all that is wrong. */
export function statusLines(status: CredentialsStatus, width: number): string[] {
  const { current, profiles, warnings } = status;
  const column = (
    head: string,
    dispensable: number,
    cell: (profile: ProfileStatus) => string,
    min?: number,
  ): Column => ({
    head,
    cells: profiles.map((profile) => printable(cell(profile))),
    dispensable,
    ...(min === undefined ? {} : { min }),
  });
  const columns = [
    column('', 0, ({ profile }) => (profile === current ? '*' : ' ')),
    column('PROFILE', 0, ({ profile }) => profile),
    column('LEFT', 0, leftOf),
    column('CREDENTIALS', 0, ({ source }) => source, 14),
    column('ACCOUNT', 1, ({ account }) => account ?? ''),
    column('ENDS', 3, ({ expiration }) => (expiration === null ? '' : localAndUtc(expiration))),
    column('MFA DEVICE', 2, ({ mfaDevice }) => mfaDevice?.replace(/^.*:mfa\//, '') ?? ''),
  ];
  return [
    ...(profiles.length === 0 ? ['There are no profiles yet: devaccess mfa --setup'] : []),
    ...(profiles.length === 0 ? [] : tableLines(columns, width, '…')),
    ...profiles.flatMap(identityLine).map(printable),
    ...profiles
      .flatMap(({ profile, warnings }) => warnings.map((warning) => `${profile}: ${warning}`))
      .concat(warnings)
      .map((warning) => printable(`warning: ${warning}`)),
  ];
}

/** The result of `--check`. */
export function leftLine({ owner, expiration, secondsLeft }: CredentialsLeft): string {
  if (expiration === null || secondsLeft === null) {
    return printable(`${owner} has credentials; nothing says that they end`);
  }
  return printable(
    `${owner} has credentials for ${roughDuration(secondsLeft)}, until ${localAndUtc(expiration)}`,
  );
}

function leftOf({ state, secondsLeft }: ProfileStatus): string {
  switch (state) {
    case 'valid':
      return roughDuration(secondsLeft ?? 0);
    case 'endless':
      return 'no end';
    case 'missing':
      return 'none';
    case 'expired':
    case 'unknown':
      return state;
  }
}

function identityLine({ profile, verified }: ProfileStatus): string[] {
  if (verified === undefined) return [];
  if ('arn' in verified) return [`${profile} is ${verified.arn}`];
  const { code, message, next } = verified.error;
  return [`${profile}: ${message} [${code}]${next === null ? '' : ` Next: ${next}`}`];
}
