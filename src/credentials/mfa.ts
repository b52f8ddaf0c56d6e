import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { assumeRole } from '../aws/assume-role.ts';
import type { LongTermSecret } from '../aws/long-term-secret.ts';
import { mfaCommand } from '../aws/service-errors.ts';
import { getSessionToken } from '../aws/session-token.ts';
import type { TemporaryCredentials } from '../aws/temporary-credentials.ts';
import { DevaccessError, errorLine } from '../platform/errors.ts';
import { fileError } from '../platform/file-errors.ts';
import { withFileLock } from '../platform/file-lock.ts';
import { envValue, stateDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { checkEditable, editFile, makeFolder, readTextFile } from '../platform/safe-file.ts';
import { CREDENTIALS_EDIT } from '../aws/files/credentials-file.ts';
import { parseIni, sectionValues } from '../aws/files/ini-document.ts';
import { editSection } from '../aws/files/ini-edit.ts';
import type { KeyWorld } from './stored-keys/key-places.ts';
import { settleMoves } from './stored-keys/key-transfer.ts';
import { checkCode } from './mfa-choices.ts';
import { askedCodes, computedCodes, givenCode, noteCode } from './mfa-codes.ts';
import type { MfaCodes } from './mfa-codes.ts';
import { planMfa } from './mfa-plan.ts';
import type { MfaOptions, MfaPlan } from './mfa-plan.ts';
import { decide, DEFAULT_MARGIN_SECONDS, sessionChanges } from './mfa-session.ts';
import { readStoredSecret } from './stored-keys/stored-secret.ts';

export interface MfaRequest extends MfaOptions {
  /** The six digits; asked for on the terminal when missing or empty. */
  token?: string | undefined;
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
  /** ARN of the role the session is one of; null for a session of the user. */
  role: string | null;
  /** Last four characters. */
  accessKeyIdSuffix: string;
}

export interface CodeQuestion {
  device: string;
  role: string | undefined;
  /** Why the code before was not taken. */
  retry: string | undefined;
  /** What to do where there is no terminal. */
  next: string;
}

/** The outer world of `renewMfaSession`, given so that a test decides it. */
export interface MfaWorld extends KeyWorld {
  now: () => number;
  /** In place of waiting for the next code. */
  wait?: (milliseconds: number) => Promise<unknown>;
  askCode: (question: CodeQuestion) => Promise<string>;
  say: (level: 'debug' | 'warning', text: string) => void;
}

/**
 * Makes sure the short-term section of a profile holds a session that lasts: keeps a good one,
 * else asks STS for another with an MFA code and writes it (1.6 of the credentials facts).
 *
 * @throws DevaccessError those of `planMfa`, `readStoredSecret`, `getSessionToken`, `assumeRole` and
 *   `editFile`; DA_NO_TERMINAL, DA_CANCELLED
 */
export async function renewMfaSession(request: MfaRequest, world: MfaWorld): Promise<MfaResult> {
  await finishMoves(world);
  const first = planMfa(request, world.env);
  for (const notice of first.notices) world.say('warning', notice);
  world.say('debug', describe(first));
  const kept = present(first, request, world);
  if (kept !== undefined) return kept;
  // Whatever can fail is found out before the person is asked or a code is spent.
  rehearse(first);
  const given = request.token ?? '';
  if (given !== '') checkCode(given);
  const { plan, secret } = await planWithSecret(first, request, world);

  const codes = codesFor(plan, secret, request, world);
  for (let refused: DevaccessError | undefined; ;) {
    const take = await codes.next(refused);
    const work = () => refresh(plan, secret, take, request, world);
    try {
      return await withFileLock(lockPath(plan, world.env), work, { waitMs: 60_000 });
    } catch (error) {
      const isRefused = error instanceof DevaccessError && error.code === 'DA_MFA_CODE_REFUSED';
      if (!isRefused) throw error;
      refused = error;
    }
  }
}

/** A session can be had with a half-moved key, too, so that nothing here is in its way. */
async function finishMoves(world: MfaWorld): Promise<void> {
  try {
    for (const done of await settleMoves(world, 0)) world.say('warning', done);
  } catch (error) {
    const isBeingMoved = error instanceof DevaccessError && error.code === 'DA_FILE_BUSY';
    if (!isBeingMoved) world.say('warning', errorLine(error));
  }
}

/** With the key at hand; where it is moved meanwhile, from its new place. */
async function planWithSecret(
  first: MfaPlan,
  request: MfaRequest,
  world: MfaWorld,
): Promise<{ plan: MfaPlan; secret: LongTermSecret }> {
  for (let plan = first; ;) {
    const { key } = plan;
    if (!('pointer' in key)) return { plan, secret: key };
    try {
      return { plan, secret: await readStoredSecret(key.pointer, world) };
    } catch (error) {
      const isGone = error instanceof DevaccessError && error.code === 'DA_KEY_NOT_STORED';
      const next = planMfa(request, world.env);
      const isMoved = !('pointer' in next.key) || next.key.pointer.entry !== key.pointer.entry;
      if (!isGone || !isMoved) throw error;
      plan = next;
    }
  }
}

function codesFor(
  plan: MfaPlan,
  secret: LongTermSecret,
  request: MfaRequest,
  world: MfaWorld,
): MfaCodes {
  const given = request.token ?? '';
  if (given !== '') return givenCode(given);
  const asked = askedCodes((retry) => askCode(plan, request, world, retry));
  const { totp } = secret;
  // Another device may have been named: its codes are not these.
  if (totp?.device !== plan.source.device) return asked;
  return computedCodes({ ...world, ...totp, otherwise: asked });
}

function describe({ file, names, source, durationSeconds, region }: MfaPlan): string {
  const role = source.role === undefined ? '' : `, role ${source.role}`;
  return (
    `[${names.longTerm}] to [${names.shortTerm}] of ${file}: device ${source.device}${role}, ` +
    `${durationSeconds} s, STS in ${region}`
  );
}

/** Does all of the write but the writing, with made-up values. */
function rehearse({ file, names, source }: MfaPlan): void {
  const madeUp = { accessKeyId: 'x', secretAccessKey: 'x', sessionToken: 'x', expirationMs: 0 };
  editSection(readTextFile(file) ?? '', names.shortTerm, sessionChanges(madeUp, source));
  checkEditable(file, CREDENTIALS_EDIT);
}

/** The session on disk, if it is to be kept. */
function present(plan: MfaPlan, { force }: MfaRequest, world: MfaWorld): MfaResult | undefined {
  const text = readTextFile(plan.file) ?? '';
  const section = sectionValues(parseIni(text), plan.names.shortTerm);
  const nowMs = world.now();
  const marginSeconds = refreshMargin(world.env);
  const decision = decide(section, plan.source, { force, nowMs, marginSeconds });
  if (decision.action === 'refresh') {
    world.say('debug', `asking STS: ${decision.reason}`);
    return undefined;
  }
  const keyId = section?.get('aws_access_key_id') ?? '';
  return result(plan, 'kept', decision.expirationMs, keyId, nowMs);
}

/**
 * Under the lock: whoever waited for another devaccess looks again first, as the session it made
 * will do. A code works once, so the second of two processes would only be refused.
 */
async function refresh(
  plan: MfaPlan,
  secret: LongTermSecret,
  takeCode: () => Promise<string>,
  request: MfaRequest,
  world: MfaWorld,
): Promise<MfaResult> {
  const kept = present(plan, request, world);
  if (kept !== undefined) return kept;
  const code = await takeCode();
  if (secret.totp !== undefined) await noteCode(code, { ...world, ...secret.totp });
  const credentials = await askSts(plan, secret, code, world.now());
  const changes = sessionChanges(credentials, plan.source);
  const name = plan.names.shortTerm;
  const written = await editFile(
    plan.file,
    (text) => editSection(text, name, changes),
    CREDENTIALS_EDIT,
  );
  if (written.tightenedFrom !== undefined) {
    const former = written.tightenedFrom.toString(8).padStart(4, '0');
    world.say('warning', `${written.path} was readable by others (mode ${former}); it is 0600 now`);
  }
  const { expirationMs, accessKeyId } = credentials;
  return result(plan, 'refreshed', expirationMs, accessKeyId, world.now());
}

/** With the long-term key alone: AWS_PROFILE and AWS_SESSION_TOKEN must play no part. */
async function askSts(
  plan: MfaPlan,
  { accessKeyId, secretAccessKey }: LongTermSecret,
  token: string,
  nowMs: number,
): Promise<TemporaryCredentials> {
  const { names, region, durationSeconds, source } = plan;
  const client = {
    credentials: { accessKeyId, secretAccessKey },
    region,
    profile: names.shortTerm,
  };
  const common = {
    durationSeconds,
    code: { device: source.device, token },
    caller: names.longTerm,
    nowMs,
  };
  if (source.role === undefined) return getSessionToken(client, common);
  return assumeRole(client, { ...common, roleArn: source.role, sessionName: plan.sessionName });
}

async function askCode(
  { source }: MfaPlan,
  request: MfaRequest,
  world: MfaWorld,
  retry: string | undefined,
): Promise<string> {
  const next = `run ${mfaCommand(request.profile)} in a terminal, or give --token`;
  const { device, role } = source;
  return checkCode(await world.askCode({ device, role, retry, next }));
}

/** Seconds; DEVACCESS_REFRESH_MARGIN=0 gives the exact behaviour of aws-mfa. */
function refreshMargin(env: Environment): number {
  const named = envValue(env, 'DEVACCESS_REFRESH_MARGIN') ?? '';
  return /^\d{1,6}$/.test(named) ? Number(named) : DEFAULT_MARGIN_SECONDS;
}

function lockPath(plan: MfaPlan, env: Environment): string {
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
  plan: MfaPlan,
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
    role: plan.source.role ?? null,
    accessKeyIdSuffix: accessKeyId.slice(-4),
  };
}
