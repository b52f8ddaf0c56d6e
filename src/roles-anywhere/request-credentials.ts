import { Connections } from '../aws/connections.ts';
import type { TemporaryCredentials } from '../aws/temporary-credentials.ts';
import { DevaccessError } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import type { Certificate } from './certificate.ts';
import { createSession } from './create-session.ts';
import { postOver } from './exchange.ts';
import { loadIdentity } from './identity.ts';
import type { CredentialWorld } from './session-credentials.ts';
import type { SessionPlan } from './session-plan.ts';

const PROXY_VARIABLES = /^(?:https?|all)_proxy$/i;

/**
 * Shows a machine's certificate to IAM Roles Anywhere and takes the credentials of the role.
 *
 * @throws DevaccessError those of `loadIdentity` and `createSession`
 */
export async function requestCredentials(
  plan: SessionPlan,
  certificates: readonly [Certificate, ...Certificate[]],
  world: CredentialWorld,
): Promise<TemporaryCredentials> {
  const { env, now, say } = world;
  const identity = await loadIdentity(plan, certificates, world, now());
  const { arns, endpoint, withProxy, isVerified } = plan;
  if (!isVerified) say(`--no-verify-ssl: any server could answer for ${endpoint.host}`);
  const debug = (text: string): void => {
    if (plan.isDebug) say(`debug: ${text}`);
  };
  debug(
    `POST ${endpoint.origin} as serial ${identity.certificate.serialNumber}, ${identity.chain.length} intermediates, region ${arns.region}`,
  );
  const connections = new Connections(withProxy ? env : withoutProxies(env), { isVerified });
  try {
    return await createSession({ ...plan, identity }, { post: postOver(connections), now, debug });
  } catch (error) {
    throw withProxyAdvice(error, plan, env);
  }
}

function withoutProxies(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !PROXY_VARIABLES.test(name)));
}

/** Other tools go through the proxy unasked, so nobody expects it to be the reason. */
function withProxyAdvice(error: unknown, { withProxy }: SessionPlan, env: Environment): unknown {
  const isUnreachable = error instanceof DevaccessError && error.code === 'DA_ENDPOINT_UNREACHABLE';
  const proxy = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'].find(
    (name) => envValue(env, name) !== undefined,
  );
  if (!isUnreachable || withProxy || proxy === undefined) return error;
  return new DevaccessError(error.code, error.message, {
    next: `${proxy} is set, and is used only with --with-proxy; else check the network and the region`,
    cause: error,
  });
}
