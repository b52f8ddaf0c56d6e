import { userInfo } from 'node:os';
import { envValue } from './paths.ts';
import type { Environment } from './paths.ts';

/** The person's login name: LOGNAME, USER, LNAME, USERNAME, then the system's; empty when nobody knows it. */
export function loginName(env: Environment): string {
  const named = ['LOGNAME', 'USER', 'LNAME', 'USERNAME']
    .map((name) => envValue(env, name))
    .find((value) => value !== undefined);
  if (named !== undefined) return named;
  try {
    return userInfo().username;
  } catch {
    // Such as a container's user id that no passwd entry has.
    return '';
  }
}
