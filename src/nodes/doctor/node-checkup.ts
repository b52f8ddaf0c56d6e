import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DevaccessError } from '../../platform/errors.ts';
import { errorCode } from '../../platform/file-errors.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding, Severity } from '../../platform/finding.ts';
import { readAgentConfig } from '../agent/agent-config.ts';
import { readIdentityState } from '../agent/agent-files.ts';
import type { IdentityState, Wait } from '../agent/agent-files.ts';
import type { AgentPlaces } from '../agent/agent-places.ts';
import type { ConfigWarning } from '../agent/config-warnings.ts';
import { readPublished } from '../bridge/published-credentials.ts';
import { findExposure } from './exposure.ts';
import type { Exposed } from './exposure.ts';

export interface NodeWorld {
  places: AgentPlaces;
  /** Root's home, and where other users' are listed. */
  home: string;
  passwd: string;
  published: string;
  /** Whether the agent runs; undefined where nobody can tell. */
  isRunning: () => boolean | undefined;
  now: () => number;
  wait?: Wait;
}

export interface NodeCheckup {
  findings: Finding[];
  /** Of those, what can be taken back. */
  exposed: Exposed[];
}

/** Looks at the agent of this machine and at who gets its credentials. Never throws for what it finds. */
export async function checkNode(world: NodeWorld): Promise<NodeCheckup> {
  const { places, home } = world;
  const state = await readState(world);
  const shared = state.value?.shareFile ?? '';
  const exposed = findExposure({
    home,
    credentialsFile: shared === '' ? places.credentials : shared,
    otherHomes: homesIn(world.passwd).filter((other) => other !== home),
  });
  const findings = [
    runningFinding(world),
    ...(await configFindings(world)),
    ...state.findings,
    ...exposed.map((each) => each.finding),
    ...publishedFindings(world),
  ];
  return { findings, exposed };
}

function runningFinding({ isRunning, places }: NodeWorld): Finding {
  switch (isRunning()) {
    case true:
      return finding('agent-running', 'ok', 'the SSM agent runs');
    case false:
      return finding('agent-not-running', 'problem', 'the SSM agent does not run', {
        command: places.restart,
      });
    case undefined:
      return finding('agent-unseen', 'note', 'whether the SSM agent runs cannot be seen here');
  }
}

/** By systemd, as a service of its own or as the snap's; where there is none, by its process. */
export function isAgentRunning(): boolean | undefined {
  const units = ['amazon-ssm-agent.service', 'snap.amazon-ssm-agent.amazon-ssm-agent.service'];
  try {
    // 3: none of them is active.
    execFileSync('systemctl', ['is-active', '--quiet', ...units], {
      stdio: 'ignore',
      timeout: 5_000,
    });
    return true;
  } catch (error) {
    return (error as { status?: unknown }).status === 3 ? false : hasProcess();
  }
}

/** What the kernel keeps of its name. */
const PROCESS_NAME = 'amazon-ssm-agen\n';

/** Root sees all processes; others may not. Undefined where nobody can tell. */
function hasProcess(): boolean | undefined {
  try {
    const isThere = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .some((pid) => nameOf(pid) === PROCESS_NAME);
    return isThere || process.geteuid?.() === 0 ? isThere : undefined;
  } catch {
    return undefined;
  }
}

/** Empty for a process that has ended meanwhile. */
function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return '';
  }
}

const HARMFUL: ReadonlySet<ConfigWarning['id']> = new Set([
  'agent-value',
  'share-default-profile',
  'denied-addresses',
  'foreign-endpoint',
]);

const REMEDIES: Partial<Record<ConfigWarning['id'], string>> = {
  'share-default-profile': 'devaccess nodes agent-config --set ShareProfile=ssm-agent',
  'share-nothing': 'devaccess nodes agent-config --unset ShareCreds',
  'force-update-creds': 'devaccess nodes agent-config --unset ForceUpdateCreds',
  'key-rotation-short': 'devaccess nodes agent-config --set KeyAutoRotateDays=30',
  'identity-order': 'devaccess nodes agent-config --unset ConsumptionOrder',
  'denied-addresses': 'devaccess nodes agent-config --unset DeniedPortForwardingRemoteIPs',
};

async function configFindings({ places, wait }: NodeWorld): Promise<Finding[]> {
  try {
    const { warnings, exists } = await readAgentConfig(places.config, wait);
    const known = exists
      ? `${places.config} is sound`
      : `there is no ${places.config}: all defaults`;
    if (warnings.length === 0) return [finding('agent-config', 'ok', known)];
    return warnings.map(({ id, text }) => {
      const command = REMEDIES[id];
      const severity = HARMFUL.has(id) ? 'warning' : 'note';
      return finding(id, severity, text, command === undefined ? null : { command });
    });
  } catch (error) {
    return [failureOf('agent-config-unread', error)];
  }
}

async function readState({
  places,
  now,
  wait,
}: NodeWorld): Promise<{ value: IdentityState | undefined; findings: Finding[] }> {
  let value: IdentityState | undefined;
  try {
    value = await readIdentityState(places.identityState, wait);
  } catch (error) {
    return { value: undefined, findings: [failureOf('agent-state-unread', error)] };
  }
  if (value === undefined) {
    const text = `there is no ${places.identityState}: the agent has had no credentials yet`;
    return { value, findings: [finding('agent-state-missing', 'note', text)] };
  }
  const { expiresAtMs, instanceId } = value;
  if (Number.isNaN(expiresAtMs)) return { value, findings: [] };
  const when = new Date(expiresAtMs).toISOString();
  const isOver = expiresAtMs <= now();
  const text = isOver
    ? `the agent's credentials ended at ${when}, and it has got no new ones`
    : `the agent's credentials as ${instanceId} are good until ${when}`;
  const remedy = isOver ? { command: places.restart } : null;
  const severity = isOver ? 'problem' : 'ok';
  const id = isOver ? 'agent-credentials-stale' : 'agent-credentials';
  return { value, findings: [finding(id, severity, text, remedy)] };
}

/** Homes of users that are in the file; empty where it cannot be read. */
function homesIn(passwd: string): string[] {
  try {
    const homes = readFileSync(passwd, 'utf8')
      .split('\n')
      .map((line) => line.split(':')[5] ?? '')
      .filter((home) => home.startsWith('/') && home !== '/');
    return [...new Set(homes)];
  } catch {
    return [];
  }
}

function publishedFindings({ published, now }: NodeWorld): Finding[] {
  let names: string[];
  try {
    names = readdirSync(published)
      .filter((name) => /^[^.].*\.json$/.test(name))
      .map((name) => name.slice(0, -'.json'.length));
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? [] : [failureOf('published-unread', error)];
  }
  return names.flatMap((name) => {
    try {
      const { expirationMs } = readPublished(published, name, now());
      const until = new Date(expirationMs).toISOString();
      return [
        openToAll(published, name) ?? finding('published', 'ok', `${name} is good until ${until}`),
      ];
    } catch (error) {
      return [failureOf('published-unusable', error)];
    }
  });
}

function openToAll(published: string, name: string): Finding | undefined {
  const path = join(published, `${name}.json`);
  if ((statSync(path).mode & 0o007) === 0) return undefined;
  return finding('published-open', 'problem', `everybody can read ${path}`, {
    command: `chmod o= ${path}`,
  });
}

function failureOf(id: string, error: unknown, severity: Severity = 'problem'): Finding {
  const what = error instanceof Error ? error.message : String(error);
  const edit = error instanceof DevaccessError ? error.next : undefined;
  return finding(id, severity, what, edit === undefined ? null : { edit });
}
