import type { Config } from '../../config/config-file.ts';
import type { TunnelSettings } from '../../config/tunnel-settings.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { nearest } from '../../platform/nearest.ts';
import { expandHome } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import type { Flow } from '../../session/flow.ts';
import type { TunnelPlan } from '../../session/tunnels/tunnel-plan.ts';
import { selectorWorld } from '../selector-world.ts';

/**
 * The tunnels with these names, all of the config file without any, with their hosts looked up.
 *
 * @throws DevaccessError DA_TUNNEL_UNKNOWN (exit 2), and those of looking up a host
 */
export async function planTunnels(
  names: readonly string[],
  { path, tunnels, session }: Config,
  env: Environment,
): Promise<TunnelPlan[]> {
  if (tunnels.size === 0) {
    throw new DevaccessError('DA_TUNNEL_UNKNOWN', `There are no tunnels in ${path}`, {
      next: 'add [tunnels.NAME] with host and ports; see docs/config.md',
      exitCode: EXIT.usage,
    });
  }
  const { readFlow } = await import('../../session/flow.ts');
  const flow = readFlow({}, env, session);
  const wanted = names.length === 0 ? [...tunnels.keys()] : [...new Set(names)];
  return Promise.all(
    wanted.map((name) => {
      const settings = tunnels.get(name);
      if (settings === undefined) throw unknown(name, path, [...tunnels.keys()]);
      return planTunnel(name, settings, flow, env);
    }),
  );
}

async function planTunnel(
  name: string,
  settings: TunnelSettings,
  flow: Flow,
  env: Environment,
): Promise<TunnelPlan> {
  const { host, ports, bind, unix, sessions, profile, region } = settings;
  const { selectHost } = await import('../../hosts/selectors.ts');
  const { chooseRemoteHost } = await import('../../session/forward/forward-spec.ts');
  try {
    const { reach } = await selectHost(host, await selectorWorld({ profile, region }, env));
    const remoteHost = chooseRemoteHost(settings.remoteHost, reach);
    return {
      name,
      host,
      profile: profile ?? reach.profile,
      region: region ?? reach.region,
      forwards: ports.map(({ local, remote }) => ({
        target: reach.target,
        port: remote,
        remoteHost,
        sessions,
        flow,
        listen:
          unix === undefined ? { host: bind, port: local } : { unixPath: expandHome(unix, env) },
      })),
    };
  } catch (error) {
    throw ofTunnel(name, error);
  }
}

/** An error says which of several tunnels it is about. */
function ofTunnel(name: string, error: unknown): unknown {
  if (!(error instanceof DevaccessError)) return error;
  const { code, message, next, exitCode } = error;
  return new DevaccessError(code, `Tunnel ${name}: ${message}`, {
    exitCode,
    cause: error,
    ...(next === undefined ? {} : { next }),
  });
}

function unknown(name: string, path: string, names: readonly string[]): DevaccessError {
  const near = nearest(name, names);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return new DevaccessError('DA_TUNNEL_UNKNOWN', `There is no tunnel '${name}' in ${path}${hint}`, {
    next: `it has ${names.join(', ')}`,
    exitCode: EXIT.usage,
  });
}
