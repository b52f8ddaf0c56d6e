import { isLoopbackHost } from '../platform/loopback.ts';
import { finding } from '../platform/finding.ts';
import type { Finding } from '../platform/finding.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import type { EndpointKind, ServiceAddress } from '../aws/service-address.ts';
import type { EndpointProbe } from './probe-endpoint.ts';

/** What the probes mean for the person; those that failed alike are told together. */
export function endpointFindings(probes: readonly EndpointProbe[], kind: EndpointKind): Finding[] {
  const groups = new Map<string, { probes: EndpointProbe[]; failure: Failure }>();
  const findings: Finding[] = [];
  for (const probe of probes) {
    if (isToldElsewhere(probe)) continue;
    const failure = failureOf(probe, kind);
    if (failure === undefined) {
      findings.push(answerFinding(probe));
      continue;
    }
    const group = groups.get(failure.what) ?? { probes: [], failure };
    group.probes.push(probe);
    groups.set(failure.what, group);
  }
  const failed = [...groups.values()].map(({ probes, failure: { id, what, fix } }) =>
    finding(`endpoint-${id}`, 'problem', `${namesOf(probes)}: ${what}`, { edit: fix }),
  );
  return [...findings, ...failed];
}

/** With the files of certificates. */
function isToldElsewhere({ outcome }: EndpointProbe): boolean {
  return outcome.state === 'setting' && outcome.error.code === 'DA_CA_BUNDLE';
}

interface Failure {
  id: string;
  what: string;
  fix: string;
}

function answerFinding(probe: EndpointProbe): Finding {
  const { address, outcome } = probe;
  if (outcome.state !== 'answers') throw new Error('not an answer');
  const takes =
    address.service === 'ssmmessages' && outcome.status === 101 ? 'takes WebSockets' : 'answers';
  const how = `${routeText(probe)}, ${outcome.millis} ms`;
  return finding('endpoint', 'ok', `${namesOf([probe])} ${takes}, ${how}`);
}

/** `sts (sts.eu-west-1.amazonaws.com), ssm (…)`, or with one host for all, `sts, ssm (localhost)`. */
function namesOf(probes: readonly EndpointProbe[]): string {
  const hosts = new Set(probes.map(({ address }) => address.url.host));
  const [only] = hosts;
  if (hosts.size === 1 && only !== undefined) {
    return `${probes.map(({ address }) => address.service).join(', ')} (${only})`;
  }
  return probes.map(({ address }) => `${address.service} (${address.url.host})`).join(', ');
}

function failureOf(probe: EndpointProbe, kind: EndpointKind): Failure | undefined {
  const { address, route, outcome } = probe;
  switch (outcome.state) {
    case 'answers':
      return undefined;
    case 'no-name': {
      const what =
        outcome.code === undefined
          ? 'the resolver does not answer'
          : route?.proxy === undefined
            ? `no such name is found (${outcome.code})`
            : `the proxy ${outcome.host} is not found (${outcome.code})`;
      return { id: 'name', what, fix: nameFix(probe, kind) };
    }
    case 'no-connection': {
      const who = route?.proxy === undefined ? '' : ` to the proxy ${outcome.where}`;
      const what =
        outcome.code === undefined
          ? `no connection${who}: nothing comes back, as where a firewall drops the packets`
          : `no connection${who} (${outcome.code})`;
      return { id: 'connect', what, fix: connectFix(probe) };
    }
    case 'proxy-refused': {
      const { message, next = '' } = outcome.error;
      // The host is named before it.
      return { id: 'proxy', what: message.replace(/ to \S+ \(/, ' ('), fix: next };
    }
    case 'untrusted': {
      const by = outcome.issuer === undefined ? '' : `, signed by '${outcome.issuer}'`;
      const what = `its certificate is not trusted (${outcome.code}${by})`;
      return { id: 'tls', what, fix: trustFix(outcome) };
    }
    case 'no-answer': {
      const why = outcome.code ?? 'nothing came in time';
      const what = `connected ${routeText(probe)}, and then no HTTP answer (${why})`;
      return { id: 'answer', what, fix: answerFix(address) };
    }
    case 'setting': {
      const { message, next = '' } = outcome.error;
      return { id: 'setting-invalid', what: message, fix: next };
    }
  }
}

/** `directly (NO_PROXY has amazonaws.com)`; of a proxy its host, never its user and password. */
export function routeText({ route }: EndpointProbe): string {
  if (route === undefined) return '';
  const { proxy, reason } = route;
  if (proxy !== undefined) return `through the proxy ${proxy.host} (${reason})`;
  return reason.endsWith(' are not set') ? 'directly' : `directly (${reason})`;
}

function nameFix({ address, route }: EndpointProbe, { isFips, isDualStack }: EndpointKind): string {
  if (route?.proxy !== undefined) return `correct the proxy's name in ${route.reason}`;
  if (address.setting !== undefined) return `correct ${address.setting.name}`;
  const special = [isFips ? 'FIPS' : '', isDualStack ? 'dual-stack' : ''].filter(Boolean).join(' ');
  return special === ''
    ? 'check the network, VPN and resolver, and the name of the region; set HTTPS_PROXY where only a proxy leads out'
    : `check whether the region has a ${special} endpoint of this service, and the resolver`;
}

function connectFix({ address, route }: EndpointProbe): string {
  if (route?.proxy !== undefined)
    return `check ${route.reason}: is the proxy up, is its port right?`;
  if (address.setting !== undefined) {
    return `check ${address.setting.name}: is anything there, is the port right?`;
  }
  return 'allow HTTPS to it in the firewall, or set HTTPS_PROXY where only a proxy leads out';
}

function answerFix({ setting }: ServiceAddress): string {
  return setting === undefined
    ? 'check the proxy and the firewall'
    : `check ${setting.name}: does the port speak HTTP, or HTTPS?`;
}

function trustFix({ code }: { code: string }): string {
  if (/EXPIRED|NOT_YET_VALID/.test(code)) {
    return "check this computer's clock; if it is right, the certificate is out of date";
  }
  if (/ALTNAME|HOSTNAME/.test(code)) {
    return 'check the endpoint setting and the resolver: another server answers under this name';
  }
  return (
    'put the certificate authority of your network into a PEM file and name it in AWS_CA_BUNDLE ' +
    '(NODE_EXTRA_CA_CERTS for other programs of Node)'
  );
}

/** Variables that are either of two words. */
export function switchFindings(env: Environment): Finding[] {
  const findings = [
    'AWS_USE_FIPS_ENDPOINT',
    'AWS_USE_DUALSTACK_ENDPOINT',
    'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
  ].flatMap((name) => {
    const value = envValue(env, name);
    if (value === undefined || value === 'true' || value === 'false') return [];
    const what = `${name} is ${value}, which is neither true nor false: it has no effect`;
    return [
      finding('endpoint-switch', 'warning', what, { edit: `set ${name} to true, or unset it` }),
    ];
  });
  if (envValue(env, 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS') !== 'true') return findings;
  const what = 'Configured endpoints are ignored (AWS_IGNORE_CONFIGURED_ENDPOINT_URLS)';
  return [...findings, finding('endpoint-ignored', 'note', what)];
}

/** The settings that decide where calls go. */
export function endpointSettings(
  addresses: readonly ServiceAddress[],
  { isFips, isDualStack }: EndpointKind,
): Finding[] {
  const findings: Finding[] = [];
  const told = new Set<string>();
  for (const { setting, url } of addresses) {
    if (setting === undefined || told.has(setting.name)) continue;
    told.add(setting.name);
    const text = `${setting.name} sends calls to ${url.protocol}//${url.host}`;
    findings.push(
      url.protocol === 'http:' && !isLoopbackHost(url.hostname)
        ? finding('endpoint-plain', 'warning', `${text}, without TLS`, { edit: 'use https:' })
        : finding('endpoint-setting', 'note', text),
    );
  }
  if (isFips) findings.push(finding('endpoint-fips', 'note', 'FIPS endpoints are used'));
  if (isDualStack) {
    findings.push(finding('endpoint-dual-stack', 'note', 'Dual-stack endpoints are used'));
  }
  return findings;
}
