/**
 * An MFA session of a user, for calls of IAM. Where `devaccess mfa` keeps one of the user, that is it; where
 * a profile is for a role's session, one is made that nobody keeps: IAM asks for the user's own.
 */
import type { LongTermSecret } from '../../aws/long-term-secret.ts';
import { findMfaSession } from '../../aws/mfa-sessions.ts';
import type { StoredSession } from '../../aws/mfa-sessions.ts';
import { getSessionToken } from '../../aws/session-token.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { checkCode, chooseDevice } from '../mfa-choices.ts';
import { askedCodes, computedCodes, noteCode } from '../mfa-codes.ts';
import { planMfa } from '../mfa-plan.ts';
import type { MfaPlan } from '../mfa-plan.ts';
import { renewMfaSession } from '../mfa.ts';
import type { MfaWorld } from '../mfa.ts';
import { profileSettings, readAwsFiles } from '../profiles.ts';
import type { FoundKey } from '../stored-keys/key-section.ts';
import { findIn, readKey } from '../stored-keys/move-key.ts';
import type { KeyQuery } from '../stored-keys/move-key.ts';
import { regionOf } from './user-access.ts';

/** Seconds: long enough for any run. */
const DURATION_S = 3600;

/**
 * @param query of the key
 * @param profile as the person named it: of a role, it may name the device
 * @returns undefined where no device is known
 * @throws DevaccessError those of `renewMfaSession`
 */
export async function userSession(
  query: KeyQuery,
  profile: string,
  world: MfaWorld,
): Promise<StoredSession | undefined> {
  const { env } = world;
  const found = findIn(query, env);
  const asked = { ...query, profile };
  const plan = planOf(asked, world);
  if (plan?.key.accessKeyId === found.accessKeyId && plan.source.role === undefined) {
    await renewMfaSession({ ...asked, force: false }, world);
    return findMfaSession(found.accessKeyId, env);
  }
  const device = plan?.source.device ?? deviceOf(found, profile, world);
  return device === undefined ? undefined : unkeptSession(query, found, device, world);
}

function planOf(asked: KeyQuery, { env }: MfaWorld): MfaPlan | undefined {
  try {
    return planMfa(asked, env);
  } catch (error) {
    // DA_USAGE: a session has no place beside a key in the profile's own section, and is kept nowhere then.
    const codes = ['DA_NO_MFA_DEVICE', 'DA_NO_LONG_TERM_KEY', 'DA_USAGE'];
    if (error instanceof DevaccessError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

function deviceOf({ section }: FoundKey, profile: string, { env }: MfaWorld): string | undefined {
  const files = readAwsFiles(env);
  const settings = new Map([
    ...(profileSettings(files, profile) ?? []),
    ...(profileSettings(files, section) ?? []),
  ]);
  try {
    return chooseDevice(undefined, env, settings, section);
  } catch (error) {
    if (error instanceof DevaccessError && error.code === 'DA_NO_MFA_DEVICE') return undefined;
    throw error;
  }
}

async function unkeptSession(
  query: KeyQuery,
  found: FoundKey,
  device: string,
  world: MfaWorld,
): Promise<StoredSession> {
  const secret = await readKey(found, world, {});
  const { totp } = secret;
  const next = 'run it in a terminal';
  const asked = askedCodes(async (retry) =>
    checkCode(await world.askCode({ device, role: undefined, retry, next })),
  );
  const codes =
    totp?.device === device ? computedCodes({ ...world, ...totp, otherwise: asked }) : asked;
  for (let refused: DevaccessError | undefined; ;) {
    const token = await (await codes.next(refused))();
    if (totp !== undefined) await noteCode(token, { ...world, ...totp });
    try {
      return await newSession(query, found.section, secret, { device, token }, world);
    } catch (error) {
      const isRefused = error instanceof DevaccessError && error.code === 'DA_MFA_CODE_REFUSED';
      if (!isRefused) throw error;
      refused = error;
    }
  }
}

async function newSession(
  query: KeyQuery,
  section: string,
  { accessKeyId, secretAccessKey }: LongTermSecret,
  code: { device: string; token: string },
  { env, now }: MfaWorld,
): Promise<StoredSession> {
  const client = {
    credentials: { accessKeyId, secretAccessKey },
    region: regionOf(query, section, env),
    profile: query.profile,
  };
  const request = { durationSeconds: DURATION_S, code, caller: section, nowMs: now() };
  return getSessionToken(client, request);
}
