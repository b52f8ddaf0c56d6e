import { findMfaSession } from '../../aws/mfa-sessions.ts';
import { mfaCommand } from '../../aws/service-errors.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding, Fix } from '../../platform/finding.ts';
import type { Environment } from '../../platform/paths.ts';
import { renewCommand } from '../expiry.ts';
import { usedCredentials } from '../profile-end.ts';
import type { ProfileEnd, UsedCredentials } from '../profile-end.ts';
import { sourceChain } from '../profile-source.ts';
import { plainSetting } from '../profiles.ts';
import type { AwsFiles } from '../profiles.ts';

/** Sessions with less left are told. */
const SHORT_S = 15 * 60;

/** Findings that only the person can put right, with a code or a sign-in. */
export const NEEDS_PERSON: ReadonlySet<string> = new Set(['session-missing', 'session-expired']);

/**
 * Whether the credentials that devaccess would use are there and last, by what the files say.
 *
 * @param files as they could be read
 * @param hasLongTermKey whether a code would get a session
 */
export async function sessionFindings(
  files: AwsFiles,
  { profile, hasLongTermKey }: { profile: string | undefined; hasLongTermKey: boolean },
  env: Environment,
  nowMs: number,
): Promise<Finding[]> {
  const used = usedCredentials(profile, env, files);
  const session = await roleSession(files, used, env);
  if (session !== undefined) return [endFinding(session, { used, hasLongTermKey: true }, nowMs)];
  if (used.end.kind !== 'endless') return [endFinding(used.end, { used, hasLongTermKey }, nowMs)];
  const who = used.profile === undefined ? 'The environment' : `Profile ${used.profile}`;
  const what = `${who} uses a long-term key, without MFA: what asks for MFA is denied`;
  const fix =
    hasLongTermKey && used.profile !== undefined ? { command: mfaCommand(used.profile) } : null;
  return [finding('long-term-key-in-use', 'warning', what, fix)];
}

/** Of a role that asks for MFA and starts from a long-term key: the session its source needs. */
async function roleSession(
  files: AwsFiles,
  { profile, origin }: UsedCredentials,
  env: Environment,
): Promise<ProfileEnd | undefined> {
  if (profile === undefined || origin?.kind !== 'long-term-key') return undefined;
  const asksForMfa = sourceChain(files, profile).some(
    ({ kind, settings }) => kind === 'role' && plainSetting(settings, 'mfa_serial') !== undefined,
  );
  if (!asksForMfa) return undefined;
  const keyId = plainSetting(origin.settings, 'aws_access_key_id') ?? '';
  const session = await findMfaSession(keyId, env);
  return session === undefined ? { kind: 'missing' } : { kind: 'at', timeMs: session.expirationMs };
}

function endFinding(
  end: ProfileEnd,
  { used, hasLongTermKey }: { used: UsedCredentials; hasLongTermKey: boolean },
  nowMs: number,
): Finding {
  const who = used.profile === undefined ? 'the environment' : `profile ${used.profile}`;
  const fix = renewal(used, hasLongTermKey);
  switch (end.kind) {
    case 'endless':
      return finding('session', 'ok', `The credentials of ${who} do not end`);
    case 'unknown':
      return finding('session', 'ok', `The files do not tell when the credentials of ${who} end`);
    case 'missing': {
      if (hasLongTermKey || used.origin?.kind === 'identity-center') {
        return finding('session-missing', 'problem', `There is no session yet for ${who}`, fix);
      }
      return finding('no-credentials', 'problem', `There are no credentials for ${who}`, {
        edit: 'name another profile (--profile, AWS_PROFILE), or begin with devaccess mfa --setup',
      });
    }
    case 'at': {
      const left = Math.floor((end.timeMs - nowMs) / 1000);
      const until = `${new Date(end.timeMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
      if (left <= 0) {
        return finding('session-expired', 'problem', `The session of ${who} ended ${until}`, fix);
      }
      const hours = Math.floor(left / 3600);
      const minutes = Math.floor(left / 60) % 60;
      const length = hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min`;
      const what = `The session of ${who} lasts ${length} more, until ${until}`;
      return left < SHORT_S
        ? finding('session-short', 'warning', what, fix)
        : finding('session', 'ok', what);
    }
  }
}

function renewal(used: UsedCredentials, hasLongTermKey: boolean): Fix {
  const command = renewCommand(used);
  if (command === undefined) return { edit: 'set new keys in the environment' };
  // Pasted in, or written by another tool.
  if (used.origin?.kind === 'session' && !hasLongTermKey) {
    return { edit: `get new keys for [${used.origin.profile}] from where these came from` };
  }
  return { command };
}
