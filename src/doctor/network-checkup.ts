import type { ServiceAddress, ServicePlaces } from '../aws/service-address.ts';
import { chooseProxy } from '../aws/proxy-choice.ts';
import { trustedRoots } from '../aws/trusted-roots.ts';
import { DevaccessError } from '../platform/errors.ts';
import { finding } from '../platform/finding.ts';
import type { Finding } from '../platform/finding.ts';
import type { Environment } from '../platform/paths.ts';
import { clockFinding, clockSkewSeconds } from './clock-finding.ts';
import {
  endpointFindings,
  endpointSettings,
  routeText,
  switchFindings,
} from './endpoint-findings.ts';
import { lookUpNames } from './look-up-names.ts';
import { firstHop, probeEndpoint } from './probe-endpoint.ts';
import type { EndpointProbe } from './probe-endpoint.ts';

/** Milliseconds: the resolver, then a connection, then an answer on it. */
const NAME_MS = 3_000;
const STEP_MS = 2_500;

/** An endpoint, for `--json`. */
export interface CheckedEndpoint {
  service: ServiceAddress['service'];
  host: string;
  /** The setting that names it; null: it is AWS's own. */
  setting: string | null;
  /** Host and port of the proxy; null: directly. */
  proxy: string | null;
  /** For people: how it is reached, and why so. */
  route: string;
  state: EndpointProbe['outcome']['state'];
  millis: number | null;
}

export interface NetworkCheckup {
  endpoints: CheckedEndpoint[];
  /** Positive: this computer's clock is ahead. */
  clockSkewSeconds: number | null;
  findings: { network: Finding[]; clock: Finding[] };
}

/**
 * Tries every endpoint, all at once, within about 8 s whatever the network does.
 *
 * @param onAnswer called for each endpoint that answers, as soon as it does
 */
export async function checkNetwork(
  { addresses, kind, refused }: ServicePlaces,
  { env, now }: { env: Environment; now: () => number },
  onAnswer: (service: ServiceAddress['service']) => void = () => undefined,
): Promise<NetworkCheckup> {
  const hosts = addresses.flatMap(({ url }) => hopHosts(url, env));
  const names = await lookUpNames(hosts, env, NAME_MS);
  const probes = await Promise.all(
    addresses.map(async (address) => {
      const probe = await probeEndpoint(address, { env, now, names, stepMs: STEP_MS });
      if (probe.outcome.state === 'answers') onAnswer(address.service);
      return probe;
    }),
  );
  const skew = clockSkewSeconds(probes);
  return {
    endpoints: probes.map(shown),
    clockSkewSeconds: skew ?? null,
    findings: {
      network: [
        ...switchFindings(env),
        ...refused.map(refusedSetting).filter(isFirst),
        ...endpointSettings(addresses, kind),
        ...endpointFindings(probes, kind),
      ],
      clock: [clockFinding(skew, process.platform)],
    },
  };
}

function refusedSetting({ message, next }: DevaccessError): Finding {
  const fix = next === undefined ? null : { edit: next };
  return finding('endpoint-setting-invalid', 'problem', message, fix);
}

/** One setting for all services is told once. */
function isFirst({ what }: Finding, at: number, all: readonly Finding[]): boolean {
  return all.findIndex((found) => found.what === what) === at;
}

/** The files of certificates that variables name; told without a network, too. */
export function certificateFindings(env: Environment): Finding[] {
  try {
    trustedRoots(env);
    return [];
  } catch (error) {
    if (!(error instanceof DevaccessError)) throw error;
    const fix = error.next === undefined ? null : { edit: error.next };
    return [finding('ca-bundle', 'problem', error.message, fix)];
  }
}

function hopHosts(url: URL, env: Environment): string[] {
  try {
    return [firstHop(url, chooseProxy(url, env).proxy).host];
  } catch {
    // The probe tells of it.
    return [];
  }
}

function shown(probe: EndpointProbe): CheckedEndpoint {
  const { address, route, outcome } = probe;
  return {
    service: address.service,
    host: address.url.host,
    setting: address.setting?.name ?? null,
    proxy: route?.proxy?.host ?? null,
    route: routeText(probe),
    state: outcome.state,
    millis: outcome.state === 'answers' ? outcome.millis : null,
  };
}
