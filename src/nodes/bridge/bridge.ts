import { join } from 'node:path';
import { assumeRole } from '../../aws/assume-role.ts';
import { chooseStsRegion } from '../../aws/region.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { editFile } from '../../platform/safe-file.ts';
import { readTrustedFile } from '../../platform/trusted-file.ts';
import type { Wait } from '../agent/agent-files.ts';
import { publish } from './publish.ts';
import { readPublished } from './published-credentials.ts';
import type { Published } from './published-credentials.ts';
import { readSource } from './source-credentials.ts';
import type { BridgeSource, SourceCredentials } from './source-credentials.ts';

export interface BridgePlan {
  name: string;
  folder: string;
  gid: number | undefined;
  source: BridgeSource;
  /** Undefined: the machine's own credentials are published. */
  role:
    | {
        arn: string;
        /** Else the machine's id. */
        sessionName: string | undefined;
        externalId: string | undefined;
        durationSeconds: number;
        /** Whose STS is asked; else the environment's, or the machine's. */
        region: string | undefined;
      }
    | undefined;
}

export interface BridgeResult {
  name: string;
  path: string;
  /** `kept`: what is there is good for long enough. */
  outcome: 'published' | 'kept';
  /** ISO 8601. */
  expiration: string;
  /** Where the machine's credentials are from; null where they were not needed. */
  source: string | null;
  role: string | null;
}

export interface BridgeWorld {
  env: Environment;
  now: () => number;
  wait?: Wait;
}

/**
 * Brings the credentials of the machine, or of a role assumed with them, to the consumers of a group.
 * What was published before stays until the new ones are in its place.
 *
 * @throws DevaccessError of the source, of STS and of `publish`, with what is left to the consumers
 */
export async function bridge(plan: BridgePlan, world: BridgeWorld): Promise<BridgeResult> {
  const before = presentOf(plan, world.now());
  try {
    return await bring(plan, world, before);
  } catch (error) {
    throw withRest(error, before, world.now());
  }
}

async function bring(
  plan: BridgePlan,
  world: BridgeWorld,
  before: Published | undefined,
): Promise<BridgeResult> {
  const { name, folder, gid, role } = plan;
  const nowMs = world.now();
  const path = join(folder, `${name}.json`);
  const subject = subjectOf(plan);
  const kept = keptSubject(plan, before);
  // A role that was assumed once does not hang on what it was assumed with.
  if (before !== undefined && role !== undefined && kept === subject) {
    const leftMs = before.expirationMs - nowMs;
    if (leftMs > (role.durationSeconds * 1000) / 2) {
      const expiration = new Date(before.expirationMs).toISOString();
      return { name, path, outcome: 'kept', expiration, source: null, role: role.arn };
    }
  }
  const source = await readSource(plan.source, nowMs, world.wait);
  const credentials = role === undefined ? source : await assumed(role, source, world);
  const replaces = kept !== undefined && kept !== subject;
  const outcome = await publish({ folder, name, gid, credentials, replaces, nowMs: world.now() });
  if (outcome === 'published') await keepSubject(plan, subject, credentials.accessKeyId);
  const lasting = outcome === 'kept' ? (before ?? credentials) : credentials;
  return {
    name,
    path,
    outcome,
    expiration: new Date(lasting.expirationMs).toISOString(),
    source: source.from,
    role: role?.arn ?? null,
  };
}

async function assumed(
  role: NonNullable<BridgePlan['role']>,
  source: SourceCredentials,
  { env, now }: BridgeWorld,
) {
  const { accessKeyId, secretAccessKey, sessionToken, machine } = source;
  const { arn: roleArn, externalId, durationSeconds } = role;
  const region = chooseStsRegion({ flag: role.region, env, profileRegion: source.region }, roleArn);
  const caller = machine ?? 'this machine';
  const sessionName = role.sessionName ?? machine ?? 'devaccess-bridge';
  try {
    const credentials = await assumeRole(
      { credentials: { accessKeyId, secretAccessKey, sessionToken }, region },
      { roleArn, sessionName, durationSeconds, externalId, caller, nowMs: now() },
    );
    return { ...credentials, accountId: roleArn.split(':')[4] };
  } catch (error) {
    throw machineError(error, caller, roleArn, source.from);
  }
}

/** There is no person and no profile here, which the errors of the calls speak of. */
function machineError(error: unknown, who: string, roleArn: string, from: string): unknown {
  if (!(error instanceof DevaccessError)) return error;
  if (error.code === 'DA_ROLE_DENIED') {
    return new DevaccessError('DA_ROLE_DENIED', `The role of ${who} may not assume ${roleArn}`, {
      next: "the trust policy of that role must name the machine's role, and the machine's role needs sts:AssumeRole on it",
      cause: error,
    });
  }
  if (error.exitCode !== EXIT.needsPerson && error.code !== 'DA_CREDENTIALS_INVALID') return error;
  return new DevaccessError(error.code, `STS does not take the credentials in ${from}`, {
    next: 'restart the agent, which gets new ones; devaccess nodes doctor',
    cause: error,
  });
}

/** What is published now, if it is of use. */
function presentOf({ folder, name }: BridgePlan, nowMs: number): Published | undefined {
  try {
    return readPublished(folder, name, nowMs);
  } catch {
    return undefined;
  }
}

function withRest(error: unknown, before: Published | undefined, nowMs: number): unknown {
  if (!(error instanceof DevaccessError) || error.exitCode === EXIT.usage) return error;
  const isLeft = before !== undefined && before.expirationMs > nowMs;
  const rest = isLeft
    ? `; the credentials that are published stay, until ${new Date(before.expirationMs).toISOString()}`
    : '; consumers have no credentials';
  return new DevaccessError(error.code, error.message + rest, {
    ...(error.next === undefined ? {} : { next: error.next }),
    exitCode: EXIT.failed,
    cause: error,
  });
}

/** What the published credentials are of: another is not to be kept for being younger. */
function subjectOf({ source, role }: BridgePlan): string {
  const of =
    role === undefined
      ? [source.kind]
      : [role.arn, role.sessionName ?? '', role.externalId ?? '', String(role.durationSeconds)];
  return JSON.stringify(of);
}

interface KeptSubject {
  subject: string;
  accessKeyId: string;
}

function subjectFile({ folder, name }: BridgePlan): string {
  return join(folder, `.${name}.state`);
}

/** Undefined where it is not known, or of other credentials than those that are there. */
function keptSubject(plan: BridgePlan, before: Published | undefined): string | undefined {
  if (before === undefined) return undefined;
  try {
    const text = readTrustedFile(subjectFile(plan), { maxBytes: 8_192 })?.text ?? '';
    const { subject, accessKeyId } = JSON.parse(text) as Partial<KeptSubject>;
    return accessKeyId === before.answer.AccessKeyId ? subject : undefined;
  } catch {
    return undefined;
  }
}

async function keepSubject(plan: BridgePlan, subject: string, accessKeyId: string): Promise<void> {
  const text = JSON.stringify({ subject, accessKeyId } satisfies KeptSubject);
  await editFile(subjectFile(plan), () => `${text}\n`);
}
