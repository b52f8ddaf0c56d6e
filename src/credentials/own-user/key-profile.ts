import type { Environment } from '../../platform/paths.ts';
import { mfaBase } from '../mfa-base.ts';
import { readAwsFiles } from '../profiles.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { findIn } from '../stored-keys/move-key.ts';
import type { KeyQuery } from '../stored-keys/move-key.ts';

const LONG_TERM = '-long-term';

/**
 * Whose long-term key is meant by a profile: its own, else, for one with `role_arn`, that of the profile at
 * the end of its chain of `source_profile`, as `devaccess mfa` takes it.
 *
 * @returns the query for that key, and its section where it is another profile's
 */
export function keyProfile(
  query: KeyQuery,
  env: Environment,
): { query: KeyQuery; ofOther: string | undefined } {
  const own = { query, ofOther: undefined };
  try {
    findIn(query, env);
    return own;
  } catch (error) {
    const isNone = error instanceof DevaccessError && error.code === 'DA_NO_LONG_TERM_KEY';
    if (!isNone || query.longTermSuffix !== undefined) throw error;
    const section = mfaBase(readAwsFiles(env), query.profile)?.names.longTerm;
    if (section === undefined) throw error;
    const isNamed = section.endsWith(LONG_TERM);
    const profile = isNamed ? section.slice(0, -LONG_TERM.length) : section;
    return { query: { ...query, profile }, ofOther: section };
  }
}
