import { errorLine } from '../../platform/errors.ts';
import { envValue } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { CredentialKeeper, untilStopped } from '../credential-keeper.ts';
import { utcMinute } from '../identity-checks.ts';
import { patientWorld } from '../patient-world.ts';
import { sessionCredentials } from '../session-credentials.ts';
import type { CredentialWorld } from '../session-credentials.ts';
import type { SessionPlan } from '../session-plan.ts';
import { serveMetadata } from './metadata-server.ts';
import { answerMetadata } from './metadata-service.ts';
import { MetadataTokens } from './metadata-tokens.ts';

/** What AWS tools must be told to find the credentials. */
export interface Served {
  /** For AWS_EC2_METADATA_SERVICE_ENDPOINT. */
  endpoint: string;
  port: number;
  role: string;
}

interface ServeWorld extends CredentialWorld {
  /** Told once credentials are at hand, or are being tried for again and again. */
  onServing: (served: Served) => void;
}

/**
 * Plays the metadata service of an EC2 instance on loopback, with the credentials of a machine's role,
 * until the signal.
 *
 * @throws DevaccessError DA_PORT_BUSY, DA_LISTEN; at the start those of `sessionCredentials`, unless
 *   trying again may help
 */
export async function serve(
  plan: SessionPlan,
  port: number,
  stop: AbortSignal,
  givenWorld: ServeWorld,
): Promise<void> {
  const world = { ...givenWorld, ...patientWorld(givenWorld) };
  const { env, now, say, onServing } = world;
  const keeper = new CredentialKeeper(() => sessionCredentials(plan, world), {
    now,
    onFailed: (error, nextMs) => {
      const rest = keeper.credentials === undefined ? 'none are served' : 'the present ones are';
      say(`no new credentials, ${rest}, next try at ${utcMinute(nextMs)}: ${errorLine(error)}`);
    },
  });
  const { roleArn } = plan.arns;
  const source = {
    roleName: roleArn.slice(roleArn.lastIndexOf('/') + 1),
    tokens: new MetadataTokens(now),
    credentials: () => keeper.demand(),
  };
  const debug = (text: string): void => {
    if (plan.isDebug) givenWorld.say(`debug: ${text}`);
  };
  const server = await serveMetadata(port, (request) => answerMetadata(request, source), debug);
  try {
    await untilStopped(keeper.start(), stop);
    if (stop.aborted) return;
    const advice = proxyAdvice(env);
    if (advice !== undefined) say(advice);
    onServing({ endpoint: server.endpoint, port: server.port, role: source.roleName });
    await untilStopped(keeper.keep(stop), stop);
  } finally {
    await server.close();
  }
}

/** The AWS CLI and boto3 ask even this machine through a proxy. */
function proxyAdvice(env: Environment): string | undefined {
  const proxy = ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'].find(
    (name) => envValue(env, name) !== undefined,
  );
  const direct = envValue(env, 'no_proxy') ?? envValue(env, 'NO_PROXY') ?? '';
  if (proxy === undefined || /(?:^|,)\s*(?:127\.0\.0\.1|\*)\s*(?:,|$)/.test(direct)) {
    return undefined;
  }
  return `${proxy} is set: AWS tools may ask it for 127.0.0.1; add 127.0.0.1 to NO_PROXY where they run`;
}
