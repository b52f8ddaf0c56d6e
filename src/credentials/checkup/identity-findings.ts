import type { ClientOptions, Credentials } from '../../aws/client-settings.ts';
import { chooseStsRegion } from '../../aws/region.ts';
import { listAccessKeys, listMfaDevices } from '../../aws/own-user.ts';
import { serviceError } from '../../aws/service-errors.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import type { Environment } from '../../platform/paths.ts';
import { chooseIdentity } from '../access.ts';
import { keptWhileSignedIn } from '../kept-sources.ts';
import { deviceAccountFinding, listedDeviceFindings } from './mfa-findings.ts';
import type { MfaSetup } from './mfa-findings.ts';
import { runQuietly } from './quiet-process.ts';
import type { ToolReading, ToolSource } from '../tools/tool-source.ts';
import { callerIdentity } from '../../aws/caller-identity.ts';
import type { CallerIdentity } from '../../aws/caller-identity.ts';

/** Keys older than this are told, and warned of. */
const OLD_DAYS = { note: 90, warning: 365 } as const;
const DAY_MS = 86_400_000;

export interface IdentityQuestion {
  asked: { profile: string | undefined; region: string | undefined };
  /** What devaccess would use. */
  reading: ToolReading;
  setup: MfaSetup | undefined;
  /** Whether by the files the credentials are there. */
  isUsable: boolean;
}

export interface IdentityWorld {
  env: Environment;
  now: () => number;
  /** For all of the questions. */
  timeoutMs: number;
}

/** Asks STS and IAM about the credentials in use, and of the long-term key where these are over. */
export async function identityFindings(
  question: IdentityQuestion,
  world: IdentityWorld,
): Promise<{ identity: CallerIdentity | null; findings: Finding[]; mfa: Finding[] }> {
  const deadlineMs = performance.now() + world.timeoutMs;
  const { setup, asked } = question;
  const findings: Finding[] = [];
  const mfa: Finding[] = [];
  const tell = async (ask: () => Promise<Answer>): Promise<Answer> => {
    const answer = await inTime(deadlineMs, ask);
    findings.push(...answer.findings);
    mfa.push(...(answer.mfa ?? []));
    return answer;
  };
  const used = question.isUsable ? await tell(() => usedIdentity(question, world)) : undefined;
  let known = used?.known;
  if (known === undefined && setup !== undefined && used?.isSilent !== true) {
    ({ known } = await tell(() => longTermIdentity(setup, asked.region, world)));
  }
  if (known !== undefined && isUser(known.identity)) {
    const user = known;
    if (setup !== undefined) mfa.push(...deviceAccountFinding(setup, user.identity.account));
    await tell(() => userFindings(user, setup, world));
  }
  return { identity: used?.known?.identity ?? null, findings, mfa };
}

/** Somebody AWS knows, and the way to ask on as this one. */
interface Known {
  identity: CallerIdentity;
  client: ClientOptions;
}

interface Answer {
  known?: Known | undefined;
  findings: Finding[];
  /** About the MFA device. */
  mfa?: Finding[];
  /** Asking on would come to nothing, either. */
  isSilent?: boolean;
}

/** AWS that does not answer is a finding; so is whatever goes wrong here. */
async function inTime(deadlineMs: number, ask: () => Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => {
      const found = finding('identity-silent', 'problem', 'AWS has not answered in time');
      resolve({ findings: [found], isSilent: true });
    }, deadlineMs - performance.now());
  });
  try {
    return await Promise.race([ask(), late]);
  } catch (error) {
    return { findings: [refusal('identity-refused', error)] };
  } finally {
    clearTimeout(timer);
  }
}

async function usedIdentity(
  { asked, reading }: IdentityQuestion,
  world: IdentityWorld,
): Promise<Answer> {
  const { env, now, timeoutMs } = world;
  const { source } = reading;
  if (source.kind === 'role' && startsWithProcess(source)) {
    const what =
      'Who this is was not asked: the role starts from a credential_process, which might ask you';
    return { findings: [finding('identity-not-asked', 'note', what)] };
  }
  const chosen = await chooseIdentity(asked.profile, env, now());
  let credentials: Credentials;
  if (source.kind === 'credential-process') {
    const answer = await runQuietly(source.command, env, timeoutMs - 500);
    if ('why' in answer) {
      const what = `The credential_process of profile ${source.profile} ${answer.why}`;
      const fix = { edit: 'run its command by hand to see why' };
      return { findings: [finding('process-failed', 'problem', what, fix)] };
    }
    const { sessionToken, ...pair } = answer.keys;
    credentials = { ...pair, ...(sessionToken === undefined ? {} : { sessionToken }) };
  } else {
    const { accessKeyId, secretAccessKey, sessionToken } = await keptWhileSignedIn(chosen, world);
    credentials = {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    };
  }
  const role = source.kind === 'role' ? source.roleArn : undefined;
  const { namedProfile, profileRegion } = chosen;
  const region = chooseStsRegion({ flag: asked.region, env, profileRegion }, role);
  const client = { credentials, region, profile: namedProfile };
  const known = await asKnown(client, namedProfile);
  const what = `AWS knows you as ${known.identity.arn}`;
  return { known, findings: [finding('identity', 'ok', what)] };
}

function startsWithProcess(source: ToolSource): boolean {
  return source.kind === 'role'
    ? startsWithProcess(source.from)
    : source.kind === 'credential-process';
}

async function longTermIdentity(
  { key, names, device }: MfaSetup,
  flag: string | undefined,
  { env }: IdentityWorld,
): Promise<Answer> {
  if ('pointer' in key) {
    // Opening its place may mean asking the person, which this never does.
    const what = `The long-term key of [${names.longTerm}] is kept in a ${key.pointer.store}; it was not tried`;
    return { findings: [finding('long-term-key-stored', 'note', what)] };
  }
  const region = chooseStsRegion({ flag, env, profileRegion: undefined }, device);
  const { accessKeyId, secretAccessKey } = key;
  const client = {
    credentials: { accessKeyId, secretAccessKey },
    region,
    profile: names.shortTerm,
  };
  try {
    const known = await asKnown(client, names.longTerm);
    const what = `The long-term key of [${names.longTerm}] works; it is ${known.identity.arn}`;
    return { known, findings: [finding('long-term-key', 'ok', what)] };
  } catch (error) {
    return { findings: [refusal('long-term-key-refused', error)] };
  }
}

async function asKnown(client: ClientOptions, profile: string | undefined): Promise<Known> {
  try {
    return { identity: await callerIdentity(client), client };
  } catch (error) {
    throw serviceError(error, { service: 'STS', operation: 'GetCallerIdentity', profile });
  }
}

function isUser({ arn }: CallerIdentity): boolean {
  return arn.includes(':user/');
}

/** What IAM lists for a user; that it is denied is usual, and no fault. */
async function userFindings(
  { identity, client }: Known,
  setup: MfaSetup | undefined,
  { now }: IdentityWorld,
): Promise<Answer> {
  if (!isUser(identity)) return { findings: [] };
  const userName = identity.arn.slice(identity.arn.lastIndexOf('/') + 1);
  const [devices, keys] = await Promise.allSettled([
    listMfaDevices(client, userName),
    listAccessKeys(client, userName),
  ]);
  const ownKeyId =
    setup?.key.accessKeyId ??
    (typeof client.credentials === 'object' ? client.credentials.accessKeyId : undefined);
  return {
    mfa:
      devices.status === 'fulfilled'
        ? listedDeviceFindings(setup, devices.value)
        : [notListed('mfa-devices-unread', 'the MFA devices', devices.reason)],
    findings:
      keys.status === 'fulfilled'
        ? keys.value
            .filter(({ accessKeyId }) => accessKeyId === ownKeyId)
            .map((key) => keyAge(key, now()))
        : [notListed('access-keys-unread', 'the access keys', keys.reason)],
  };
}

function keyAge(
  { accessKeyId, createdMs, isActive }: Awaited<ReturnType<typeof listAccessKeys>>[number],
  nowMs: number,
): Finding {
  const name = `The long-term key …${accessKeyId.slice(-4)}`;
  if (!isActive) {
    return finding('key-inactive', 'problem', `${name} is inactive`, {
      edit: 'activate it in IAM',
    });
  }
  if (createdMs === undefined) return finding('key-age', 'ok', `${name} is active`);
  const days = Math.floor((nowMs - createdMs) / DAY_MS);
  const what = `${name} is ${days} days old`;
  if (days < OLD_DAYS.note) return finding('key-age', 'ok', what);
  const severity = days < OLD_DAYS.warning ? 'note' : 'warning';
  return finding('key-age', severity, what, {
    command: 'devaccess iam rotate-keys',
  });
}

function notListed(id: string, what: string, reason: unknown): Finding {
  const isDenied = reason instanceof DevaccessError && reason.code === 'DA_ACCESS_DENIED';
  const why = isDenied ? 'not allowed' : reason instanceof Error ? reason.message : 'no answer';
  return finding(id, 'note', `IAM does not tell ${what} of the user: ${why}`);
}

function refusal(id: string, error: unknown): Finding {
  if (!(error instanceof DevaccessError)) {
    const text = error instanceof Error ? error.message : String(error);
    return finding(id, 'problem', text);
  }
  const { code, message, next } = error;
  const command = /^run (.*)$/.exec(next ?? '')?.[1];
  const fix = command !== undefined ? { command } : next === undefined ? null : { edit: next };
  // AWS has ended a session before the file says so, or there is none behind a role.
  if (code === 'DA_CREDENTIALS_EXPIRED') return finding('session-expired', 'problem', message, fix);
  if (code === 'DA_NO_CREDENTIALS' && command !== undefined) {
    return finding('session-missing', 'problem', message, fix);
  }
  return finding(id, 'problem', `${message} [${code}]`, fix);
}
