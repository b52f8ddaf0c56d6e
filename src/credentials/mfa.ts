import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createStsClient } from '../aws/clients.ts';
import { chooseStsRegion } from '../aws/region.ts';
import { mfaCommand, serviceError, strangeAnswer } from '../aws/service-errors.ts';
import { DevaccessError } from '../platform/errors.ts';
import { fileError } from '../platform/file-errors.ts';
import { withFileLock } from '../platform/file-lock.ts';
import { awsCredentialsFile, envValue, stateDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { checkEditable, editFile, makeFolder, readTextFile } from '../platform/safe-file.ts';
import type { EditOptions } from '../platform/safe-file.ts';
import { parseIni, sectionValues } from './ini-document.ts';
import { editSection, refuseBroken } from './ini-edit.ts';
import * as session from './mfa-session.ts';
import { chooseProfile, plainSetting, profileSettings, readAwsFiles } from './profiles.ts';

export interface MfaRequest {
  profile?: string | undefined;
  /** The six digits; asked for on the terminal when missing. */
  token?: string | undefined;
  durationSeconds?: number | undefined;
  device?: string | undefined;
  region?: string | undefined;
  longTermSuffix?: string | undefined;
  shortTermSuffix?: string | undefined;
  force: boolean;
}

/** What `devaccess mfa --json` prints. Holds no secret. */
export interface MfaResult {
  profile: string;
  action: 'kept' | 'refreshed';
  /** ISO 8601, UTC. */
  expiration: string;
  secondsLeft: number;
  device: string;
  /** Last four characters. */
  accessKeyIdSuffix: string;
}

/** The outer world of `renewMfaSession`, given so that a test decides it. */
export interface MfaWorld {
  env: Environment;
  now: () => number;
  /** Asks for a code; `retry` says why the one before was not taken. */
  askCode: (question: {
    device: string;
    retry: string | undefined;
    next: string;
  }) => Promise<string>;
  talk: (text: string) => void;
}

const MAX_CODES = 3;
const EDIT: EditOptions = {
  advice: 'name an own file with AWS_SHARED_CREDENTIALS_FILE, or use a credential_process profile',
};

/** Everything that is settled before STS is asked. */
interface Plan {
  file: string;
  names: session.SectionNames;
  key: session.LongTermKey;
  source: session.SessionSource;
  durationSeconds: number;
  region: string;
}

/**
 * Makes sure the short-term section of a profile holds a session that lasts: keeps a good one,
 * else asks STS for another with an MFA code and writes it (1.6 of the credentials facts).
 *
 * @throws DevaccessError DA_USAGE, DA_NO_LONG_TERM_KEY, DA_NO_MFA_DEVICE, DA_ROLE_NOT_SUPPORTED,
 *   DA_AWS_FILE_INVALID, DA_NO_TERMINAL, DA_MFA_CODE_REFUSED, DA_CLOCK_SKEW, those of `serviceError` and `editFile`
 */
export async function renewMfaSession(request: MfaRequest, world: MfaWorld): Promise<MfaResult> {
  const plan = makePlan(request, world);
  const kept = present(plan, request, world);
  if (kept !== undefined) return kept;
  // Whatever can fail is found out before the person is asked or a code is spent.
  rehearse(plan);
  const given = request.token === undefined ? undefined : session.checkCode(request.token);

  let retry: string | undefined;
  for (let tries = 1; ; tries += 1) {
    const code = given ?? (await askCode(plan, request, world, retry));
    try {
      return await withFileLock(
        lockPath(plan, world.env),
        () => refresh(plan, code, request, world),
        {
          waitMs: 60_000,
        },
      );
    } catch (error) {
      const isRefused = error instanceof DevaccessError && error.code === 'DA_MFA_CODE_REFUSED';
      if (!isRefused || given !== undefined || tries >= MAX_CODES) throw error;
      retry = error.message;
    }
  }
}

function makePlan(request: MfaRequest, { env, talk }: MfaWorld): Plan {
  const profile = chooseProfile(request.profile, env);
  if (profile.notice !== undefined) talk(profile.notice);
  const names = session.sectionNames(profile.name, request.longTermSuffix, request.shortTermSuffix);
  const file = awsCredentialsFile(env);
  const files = readAwsFiles(env);
  refuseBroken(files.credentials, file);
  const longTerm = sectionValues(files.credentials, names.longTerm);
  const key = session.longTermKey(longTerm, names.longTerm, file);
  const settings = new Map([
    ...(profileSettings(files, profile.name) ?? []),
    ...(profileSettings(files, names.longTerm) ?? []),
  ]);
  const device = session.chooseDevice(request.device, env, settings, names.longTerm);
  const role = session.wantedRole(env, longTerm ?? new Map());
  if (role !== undefined) {
    throw new DevaccessError(
      'DA_ROLE_NOT_SUPPORTED',
      `The role ${role} is to be assumed, which devaccess mfa cannot do yet`,
      { next: `remove MFA_ASSUME_ROLE, or assume_role from [${names.longTerm}]` },
    );
  }
  const profileRegion =
    plainSetting(profileSettings(files, names.shortTerm), 'region') ??
    plainSetting(settings, 'region');
  return {
    file,
    names,
    key,
    source: { accessKeyId: key.accessKeyId, device },
    durationSeconds: session.chooseDuration(request.durationSeconds, env),
    region: chooseStsRegion({ flag: request.region, env, profileRegion }, device),
  };
}

/** Does all of the write but the writing, with made-up values. */
function rehearse({ file, names, source }: Plan): void {
  const madeUp = { accessKeyId: 'x', secretAccessKey: 'x', sessionToken: 'x', expirationMs: 0 };
  const changes = session.sessionChanges(madeUp, source);
  editSection(readTextFile(file) ?? '', names.shortTerm, changes);
  checkEditable(file, EDIT);
}

/** The session on disk, if it is to be kept. */
function present(plan: Plan, { force }: MfaRequest, world: MfaWorld): MfaResult | undefined {
  const section = shortTermSection(plan);
  const nowMs = world.now();
  const marginSeconds = refreshMargin(world.env);
  const decision = session.decide(section, plan.source, { force, nowMs, marginSeconds });
  if (decision.action === 'refresh') return undefined;
  const keyId = section?.get('aws_access_key_id') ?? '';
  return result(plan, 'kept', decision.expirationMs, keyId, nowMs);
}

function shortTermSection(plan: Plan): ReadonlyMap<string, string> | undefined {
  return sectionValues(parseIni(readTextFile(plan.file) ?? ''), plan.names.shortTerm);
}

/**
 * Under the lock: whoever waited for another devaccess looks again first, as the session it made
 * will do. A code works once, so the second of two processes would only be refused.
 */
async function refresh(
  plan: Plan,
  code: string,
  request: MfaRequest,
  world: MfaWorld,
): Promise<MfaResult> {
  const kept = present(plan, request, world);
  if (kept !== undefined) return kept;
  const credentials = await getSessionToken(plan, code, world.now());
  const changes = session.sessionChanges(credentials, plan.source);
  const name = plan.names.shortTerm;
  const written = await editFile(plan.file, (text) => editSection(text, name, changes), EDIT);
  if (written.tightenedFrom !== undefined) {
    const former = written.tightenedFrom.toString(8).padStart(4, '0');
    world.talk(`${written.path} was readable by others (mode ${former}); it is 0600 now`);
  }
  const { expirationMs, accessKeyId } = credentials;
  return result(plan, 'refreshed', expirationMs, accessKeyId, world.now());
}

async function getSessionToken(
  plan: Plan,
  code: string,
  nowMs: number,
): Promise<session.SessionCredentials> {
  const { GetSessionTokenCommand } = await import('@aws-sdk/client-sts');
  const context = {
    service: 'STS',
    operation: 'GetSessionToken',
    profile: plan.names.longTerm,
  };
  // Explicit keys: AWS_PROFILE and AWS_SESSION_TOKEN of the environment must play no part.
  const client = await createStsClient({
    credentials: {
      accessKeyId: plan.key.accessKeyId,
      secretAccessKey: plan.key.secretAccessKey,
    },
    region: plan.region,
    profile: plan.names.shortTerm,
  });
  try {
    const { Credentials: answer } = await client.send(
      new GetSessionTokenCommand({
        DurationSeconds: plan.durationSeconds,
        SerialNumber: plan.source.device,
        TokenCode: code,
      }),
    );
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer ?? {};
    if (!AccessKeyId || !SecretAccessKey || !SessionToken || Expiration === undefined) {
      throw strangeAnswer(context, 'without credentials');
    }
    if (Expiration.getTime() <= nowMs) {
      throw new DevaccessError(
        'DA_CLOCK_SKEW',
        `By this computer's clock the new session ended at ${Expiration.toISOString()}`,
        { next: 'set the clock (turn on automatic time), then try again' },
      );
    }
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expirationMs: Expiration.getTime(),
    };
  } catch (error) {
    throw serviceError(error, context);
  } finally {
    client.destroy();
  }
}

async function askCode(
  plan: Plan,
  request: MfaRequest,
  world: MfaWorld,
  retry: string | undefined,
): Promise<string> {
  const next = `run ${mfaCommand(request.profile)} in a terminal, or give --token`;
  return session.checkCode(await world.askCode({ device: plan.source.device, retry, next }));
}

/** Seconds; DEVACCESS_REFRESH_MARGIN=0 gives the exact behaviour of aws-mfa. */
function refreshMargin(env: Environment): number {
  const named = envValue(env, 'DEVACCESS_REFRESH_MARGIN') ?? '';
  return /^\d{1,6}$/.test(named) ? Number(named) : session.DEFAULT_MARGIN_SECONDS;
}

function lockPath(plan: Plan, env: Environment): string {
  const folder = join(stateDirectory(env), 'locks');
  try {
    makeFolder(folder);
  } catch (error) {
    throw fileError(error, 'write', folder);
  }
  const subject = createHash('sha256').update(`${plan.file}\0${plan.names.shortTerm}`);
  return join(folder, `mfa-${subject.digest('hex').slice(0, 16)}.lock`);
}

function result(
  plan: Plan,
  action: MfaResult['action'],
  expirationMs: number,
  accessKeyId: string,
  nowMs: number,
): MfaResult {
  return {
    profile: plan.names.shortTerm,
    action,
    expiration: new Date(expirationMs).toISOString(),
    secondsLeft: Math.floor((expirationMs - nowMs) / 1000),
    device: plan.source.device,
    accessKeyIdSuffix: accessKeyId.slice(-4),
  };
}
