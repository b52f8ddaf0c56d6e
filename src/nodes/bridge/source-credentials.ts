import { LONGEST_SESSION_MS } from '../../aws/expiration.ts';
import { instanceCredentials } from '../../aws/instance-metadata.ts';
import { DevaccessError } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { readIdentityState, readSharedKeys } from '../agent/agent-files.ts';
import type { IdentityState, Wait } from '../agent/agent-files.ts';

/** The credentials of the machine itself, with their real end. */
export interface SourceCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expirationMs: number;
  /** `mi-…` or `i-…`, where it is known. */
  machine: string | undefined;
  region: string | undefined;
  /** Where they are from, for people. */
  from: string;
}

export interface AgentSource {
  kind: 'agent';
  /** The agent's runtime state. */
  stateFile: string;
  /** Its credentials file; else the one that the state names. */
  credentialsFile: string | undefined;
  /** The section in it; else the one that the state names. */
  section: string | undefined;
  /** Where it writes them by itself. */
  usualFile: string;
}

export type BridgeSource = AgentSource | { kind: 'imds'; env: Environment };

/** What the agent's credentials last at least when it has just written them: they are renewed at half of an hour. */
const LEAST_LIFE_MS = 30 * 60_000;

/**
 * Reads the credentials of the machine.
 *
 * @throws DevaccessError DA_AGENT_STATE, DA_AGENT_CREDENTIALS, DA_METADATA, DA_METADATA_NO_ROLE and
 *   those of `readTrustedFile`
 */
export async function readSource(
  source: BridgeSource,
  nowMs: number,
  wait?: Wait,
): Promise<SourceCredentials> {
  if (source.kind === 'agent') return readAgent(source, nowMs, wait);
  const { instanceId, roleName, ...credentials } = await instanceCredentials(source.env, nowMs);
  return { ...credentials, machine: instanceId, from: `the instance profile (${roleName})` };
}

async function readAgent(
  source: AgentSource,
  nowMs: number,
  wait?: Wait,
): Promise<SourceCredentials> {
  // First: the agent writes it last. An old state beside new credentials ends them too soon; the other
  // way round they would seem to last longer than they do.
  const state = await readIdentityState(source.stateFile, wait);
  if (state?.shareFile === '' && source.credentialsFile === undefined) throw sharesNothing(state);
  const file = source.credentialsFile ?? state?.shareFile ?? source.usualFile;
  const section = source.section ?? state?.shareProfile ?? 'default';
  const { keys, writtenAtMs } = await readSharedKeys(file, section, wait);
  const isDescribed = state?.shareFile === file && state.shareProfile === section;
  const known = isDescribed ? state.expiresAtMs : NaN;
  const guessed = Math.min(writtenAtMs, nowMs) + LEAST_LIFE_MS;
  const isEnd = known <= nowMs + LONGEST_SESSION_MS;
  const expirationMs = isEnd ? known : guessed;
  if (expirationMs <= nowMs) throw ended(file, expirationMs);
  const machine = /^(mi-[0-9a-f]{17}|i-[0-9a-f]{8,17})$/.exec(state?.instanceId ?? '')?.[0];
  return { ...keys, expirationMs, machine, region: undefined, from: `${file} [${section}]` };
}

function sharesNothing({ identityType }: IdentityState): DevaccessError {
  const isEc2 = identityType === 'EC2';
  return new DevaccessError('DA_AGENT_CREDENTIALS', 'The agent shares no credentials', {
    next: isEc2
      ? 'this is an EC2 instance: use --source imds'
      : 'set ShareCreds to true: devaccess nodes agent-config',
  });
}

function ended(file: string, atMs: number): DevaccessError {
  return new DevaccessError(
    'DA_AGENT_CREDENTIALS',
    `The agent's credentials in ${file} ended at ${new Date(atMs).toISOString()}`,
    { next: 'is the agent running, and its registration sound? devaccess nodes doctor' },
  );
}
