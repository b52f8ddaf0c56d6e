import { Connections } from '../../aws/connections.ts';
import { credentialsExpiry } from '../../credentials/expiry.ts';
import type { Environment } from '../../platform/paths.ts';
import type { SessionApi } from '../../session/session-api.ts';
import { SsmSessionApi } from '../../session/ssm-session-api.ts';
import type { RunTunnelsOptions } from '../../session/tunnels/run-tunnels.ts';

export type TunnelServices = Pick<RunTunnelsOptions, 'apiFor' | 'readExpiry'>;

/** What tunnels need of AWS: one client for each profile and region, and when credentials end. */
export function tunnelServices(env: Environment): TunnelServices {
  const connections = new Connections(env);
  const apis = new Map<string, SessionApi>();
  return {
    apiFor: ({ profile, region }) =>
      Promise.resolve().then(() => {
        const key = JSON.stringify([profile, region]);
        const api = apis.get(key) ?? SsmSessionApi.create({ profile, region, env, connections });
        apis.set(key, api);
        return api;
      }),
    readExpiry: (profile) => credentialsExpiry(profile, env),
  };
}
