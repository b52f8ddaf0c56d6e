import { chooseStsRegion } from '../../aws/region.ts';
import { servicePlaces } from '../../aws/service-address.ts';
import { checkCredentials } from '../../credentials/checkup/check-credentials.ts';
import type { CredentialsCheckup } from '../../credentials/checkup/check-credentials.ts';
import { identityFindings } from '../../credentials/checkup/identity-findings.ts';
import { makeEnvironmentSafe } from '../../credentials/checkup/safe-environment.ts';
import { NEEDS_PERSON } from '../../credentials/checkup/session-findings.ts';
import type { ToolView } from '../../credentials/tools/tool-views.ts';
import type { CallerIdentity } from '../../aws/caller-identity.ts';
import { certificateFindings, checkNetwork } from '../../doctor/network-checkup.ts';
import type { CheckedEndpoint, NetworkCheckup } from '../../doctor/network-checkup.ts';
import { outcomeOf } from '../../doctor/report.ts';
import type { Outcome, TopicFinding } from '../../doctor/report.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import { usualEndpoint } from '../../aws/endpoints.ts';

/** For STS and IAM together, after STS has answered a probe. */
const IDENTITY_MS = 5_000;

/** What `devaccess doctor --json` prints. Holds no secret. */
export interface CredentialsReport {
  outcome: Outcome;
  profile: string;
  /** What chose it. */
  profileFrom: CredentialsCheckup['profileFrom'];
  region: string | null;
  /** Who AWS says the credentials in use are. */
  identity: CallerIdentity | null;
  /** What each AWS tool would use. */
  tools: ToolView[];
  endpoints: CheckedEndpoint[];
  /** Seconds; positive: this computer's clock is ahead. */
  clockSkewSeconds: number | null;
  findings: TopicFinding[];
}

export interface CredentialsQuestion {
  profile: string | undefined;
  region: string | undefined;
  isOffline: boolean;
}

/**
 * Everything about credentials and the way to AWS, for a profile. Asks the person nothing; with a
 * network that swallows everything it takes about 13 s.
 *
 * @param env of this process, which SDKs read: it is changed where they could not go on with it
 * @throws DevaccessError DA_USAGE for a region asked for that is none
 */
export async function credentialsReport(
  question: CredentialsQuestion,
  env: NodeJS.ProcessEnv,
  now: () => number,
): Promise<CredentialsReport> {
  const unsafe = makeEnvironmentSafe(env);
  const checkup = await checkCredentials(question, env, now());
  const { files, credentials, mfa } = checkup.findings;
  const online = question.isOffline ? OFFLINE : await askAround(checkup, env, now);
  const { identity, network } = online;
  // What is left to chance offline is known by now.
  const isKnown = identity.identity !== null;
  const left = credentials.filter(({ id }) => !(isKnown && id === 'machine-credentials'));
  const findings = [
    ...topic('files', [...unsafe, ...files]),
    ...topic('credentials', [...left, ...identity.findings]),
    ...topic('MFA', [...mfa, ...identity.mfa]),
    ...topic('clock', network.findings.clock),
    ...topic('network', [...certificateFindings(env), ...network.findings.network]),
  ];
  return {
    outcome: outcomeOf(findings, NEEDS_PERSON),
    profile: checkup.profile,
    profileFrom: checkup.profileFrom,
    region: checkup.region ?? null,
    identity: identity.identity,
    tools: checkup.tools,
    endpoints: network.endpoints,
    clockSkewSeconds: network.clockSkewSeconds,
    findings,
  };
}

interface Online {
  identity: Awaited<ReturnType<typeof identityFindings>>;
  network: NetworkCheckup;
}

const OFFLINE: Online = {
  identity: { identity: null, findings: [], mfa: [] },
  network: { endpoints: [], clockSkewSeconds: null, findings: { network: [], clock: [] } },
};

async function askAround(
  checkup: CredentialsCheckup,
  env: NodeJS.ProcessEnv,
  now: () => number,
): Promise<Online> {
  const places = await servicePlaces({
    stsRegion: stsRegionOf(checkup),
    region: checkup.region,
    profile: checkup.profile,
    env,
    gateway: (region, kind) => usualEndpoint('ssmmessages', region, kind),
  });
  let sayAnswered: (isThere: boolean) => void = () => undefined;
  const stsAnswers = new Promise<boolean>((resolve) => (sayAnswered = resolve));
  const identity = stsAnswers.then((isThere) => askWho(isThere, checkup, env, now));
  const network = await checkNetwork(places, { env, now }, (service) => {
    if (service === 'sts') sayAnswered(true);
  });
  sayAnswered(false);
  return { network, identity: await identity };
}

async function askWho(
  isThere: boolean,
  { question }: CredentialsCheckup,
  env: NodeJS.ProcessEnv,
  now: () => number,
): Promise<Online['identity']> {
  if (isThere) return identityFindings(question, { env, now, timeoutMs: IDENTITY_MS });
  const what = 'Who you are was not asked: STS does not answer';
  return { ...OFFLINE.identity, findings: [finding('identity-not-asked', 'note', what)] };
}

function stsRegionOf({ region, question }: CredentialsCheckup): string {
  const { source } = question.reading;
  const arn = source.kind === 'role' ? source.roleArn : question.setup?.device;
  return chooseStsRegion(
    { flag: question.asked.region, env: {}, profileRegion: region },
    arn?.startsWith('arn:') === true ? arn : undefined,
  );
}

function topic(name: TopicFinding['topic'], findings: readonly Finding[]): TopicFinding[] {
  return findings.map((found) => ({ topic: name, ...found }));
}
