import type { AwsAccess } from '../../credentials/access.ts';
import { chooseAccess } from '../../credentials/access.ts';
import { NEEDS_PERSON } from '../../credentials/checkup/session-findings.ts';
import { agentFindings, inventoryFindings } from '../../doctor/host/inventory-findings.ts';
import type { InventoryFacts } from '../../doctor/host/inventory-findings.ts';
import { errorFinding, outcomeOfWalk, walk } from '../../doctor/host/host-step.ts';
import type { HostStep, PlannedStep } from '../../doctor/host/host-step.ts';
import { sshSettings, tryLogin } from '../../doctor/host/run-ssh.ts';
import type { LoginAttempt } from '../../doctor/host/run-ssh.ts';
import {
  channelFindings,
  documentFindings,
  portFindings,
} from '../../doctor/host/session-findings.ts';
import { settingsFindings } from '../../doctor/host/ssh-settings.ts';
import type { SshSettings } from '../../doctor/host/ssh-settings.ts';
import {
  answerFindings,
  hostKeyFindings,
  loginFindings,
} from '../../doctor/host/ssh-transcript.ts';
import type { Outcome, TopicFinding } from '../../doctor/report.ts';
import { awsManagedNodes, awsNodesById } from '../../hosts/inventory-source.ts';
import { readInventory } from '../../hosts/inventory.ts';
import type { SelectedHost } from '../../hosts/selectors.ts';
import { agentAdvice } from '../../nodes/advice.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import { tryDocuments } from '../../session/checkup/try-documents.ts';
import { trySshPort } from '../../session/checkup/try-ssh-port.ts';
import type { SshPortTrial } from '../../session/checkup/try-ssh-port.ts';
import type { SessionRequest } from '../../session/session-api.ts';
import { SsmSessionApi } from '../../session/ssm-session-api.ts';
import { credentialsReport } from './credentials-report.ts';
import type { CredentialsReport } from './credentials-report.ts';

/** What `devaccess doctor HOST --json` prints. Holds no secret. */
export interface HostReport {
  outcome: Outcome;
  host: string;
  instanceId: string;
  /** The node that sessions go to, where that is another. */
  bastion: string | null;
  profile: string;
  region: string | null;
  /** In the order in which they are taken; none after the first that fails. */
  steps: HostStep[];
}

export interface HostQuestion {
  host: SelectedHost;
  /** The bastion's own entry, where it has one. */
  bastion: { name: string; port: number } | undefined;
  /** What ssh is to be called with; undefined where the SSH config has no entry for it. */
  sshName: string | undefined;
  /** As asked for; else the synced host's. */
  profile: string | undefined;
  region: string | undefined;
}

export interface HostWorld {
  env: NodeJS.ProcessEnv;
  now: () => number;
  stop: AbortSignal;
}

/**
 * Walks the path to a server from the credentials to the login, and stops at the first step that is
 * broken. It starts sessions and ends them, and logs in and out again where ssh can without asking.
 *
 * @throws DevaccessError DA_USAGE for a region asked for that is none
 */
export async function hostReport(question: HostQuestion, world: HostWorld): Promise<HostReport> {
  const { host } = question;
  const { instanceId, name, reach } = host;
  const isBehind = reach.target !== instanceId;
  const asked = {
    profile: question.profile ?? reach.profile,
    region: question.region ?? reach.region,
    isOffline: false,
  };
  const account = await credentialsReport(asked, world.env, world.now);
  const path = new HostPath(question, world, asked);
  const settings = await path.settings();
  const steps = await walk(
    [
      { step: 'credentials', node: null, take: () => credentialsOf(account) },
      { step: 'endpoints', node: null, take: () => endpointsOf(account) },
      { step: 'inventory', node: name, take: () => path.inventory() },
      ...path.afterInventory(settings),
    ],
    NEEDS_PERSON,
    world.stop,
  );
  return {
    outcome: outcomeOfWalk(steps),
    host: name,
    instanceId,
    bastion: isBehind ? reach.target : null,
    profile: account.profile,
    region: account.region,
    steps,
  };
}

/** What the account's own report says of credentials, as far as it stops a session. */
function credentialsOf({ identity, findings }: CredentialsReport): Finding[] {
  const own = findings.filter(({ topic }) => ['files', 'credentials', 'MFA'].includes(topic));
  const known = own.filter(({ id }) => id === 'identity' || id === 'session').map(plain);
  const problems = own.filter(({ severity }) => severity === 'problem').map(plain);
  const isMissing = problems.some(({ id }) => NEEDS_PERSON.has(id));
  // AWS knows the caller: whatever else is wrong, these credentials work.
  const works = identity !== null && !isMissing;
  return [...known, ...problems.map((found) => (works ? demoted(found) : found))];
}

/** Of endpoints those that a session needs. */
function endpointsOf({ endpoints, findings }: CredentialsReport): Finding[] {
  const needed = endpoints.filter(({ service }) => ['ssm', 'ssmmessages'].includes(service));
  const answers = needed.every(({ state }) => state === 'answers');
  const own = findings.filter(({ topic }) => topic === 'clock' || topic === 'network');
  const wrong = own.filter(({ severity }) => severity === 'problem' || severity === 'warning');
  const shown = wrong.map(plain).map((found) => {
    const isElsewhere = answers && found.id.startsWith('endpoint-');
    return isElsewhere ? demoted(found) : found;
  });
  if (!answers) return shown;
  const hosts = needed.map(({ service, host }) => `${service} (${host})`).join(', ');
  return [finding('endpoints', 'ok', `${hosts} answer`), ...shown];
}

function plain({ id, severity, what, fix }: TopicFinding): Finding {
  return { id, severity, what, fix };
}

function demoted(found: Finding): Finding {
  return found.severity === 'problem' ? { ...found, severity: 'warning' } : found;
}

/** The steps that depend on how a server is reached. */
class HostPath {
  readonly #question: HostQuestion;
  readonly #world: HostWorld;
  readonly #asked: { profile: string | undefined; region: string | undefined };
  readonly #attempts = new Map<string, Promise<LoginAttempt>>();
  #access: Promise<AwsAccess> | undefined;
  #api: SsmSessionApi | undefined;
  #trial: Promise<SshPortTrial> | undefined;

  constructor(
    question: HostQuestion,
    world: HostWorld,
    asked: { profile: string | undefined; region: string | undefined },
  ) {
    this.#question = question;
    this.#world = world;
    this.#asked = asked;
  }

  /** What ssh would do; undefined where it has no entry. Or why that cannot be told. */
  async settings(): Promise<SshSettings | DevaccessError | undefined> {
    const { sshName } = this.#question;
    if (sshName === undefined) return undefined;
    try {
      return await sshSettings(sshName, this.#world);
    } catch (error) {
      if (error instanceof DevaccessError) return error;
      throw error;
    }
  }

  async inventory(): Promise<Finding[]> {
    const { host } = this.#question;
    return inventoryFindings(await this.#facts(host.instanceId, host.reach.remoteHost));
  }

  afterInventory(settings: SshSettings | DevaccessError | undefined): PlannedStep[] {
    const { host, bastion: entry, sshName } = this.#question;
    const { name, reach } = host;
    const known = settings instanceof DevaccessError ? undefined : settings;
    const jump = known?.jump === undefined ? undefined : hostOf(known.jump);
    const isThrough = reach.remoteHost !== undefined && jump === undefined;
    const bastion = jump ?? entry?.name ?? reach.target;
    const node = reach.remoteHost === undefined ? name : bastion;
    const remoteHost = isThrough ? reach.remoteHost : undefined;
    const port = (jump === undefined ? known?.port : entry?.port) ?? 22;
    const bastionOf = reach.remoteHost === undefined ? undefined : bastion;
    const session: PlannedStep[] = [
      { step: 'ssh config', node: name, take: () => this.#config(settings, bastionOf) },
      { step: 'agent', node, take: () => this.#agent() },
      { step: 'StartSession', node, take: () => this.#documents(port, remoteHost) },
      { step: 'data channel', node, take: () => this.#channel(port, remoteHost) },
      {
        step: 'port',
        node: isThrough ? name : node,
        take: async () => portFindings(await this.#tryPort(port, remoteHost), port),
      },
    ];
    if (sshName === undefined || known === undefined) return session;
    if (jump === undefined) return [...session, ...this.#ssh(sshName, name)];
    const answer: PlannedStep = {
      step: 'port',
      node: name,
      take: async () => {
        const { transcript, aside } = await this.#login(sshName);
        return answerFindings(transcript, aside, { name, port: known.port });
      },
    };
    return [...session, ...this.#ssh(jump, jump), answer, ...this.#ssh(sshName, name)];
  }

  #ssh(sshName: string, node: string): PlannedStep[] {
    const transcript = async () => (await this.#login(sshName)).transcript;
    return [
      { step: 'host key', node, take: async () => hostKeyFindings(await transcript(), sshName) },
      { step: 'login', node, take: async () => loginFindings(await transcript(), sshName) },
    ];
  }

  #config(
    settings: SshSettings | DevaccessError | undefined,
    bastion: string | undefined,
  ): Finding[] {
    const { name } = this.#question.host;
    if (settings instanceof DevaccessError) {
      return [errorFinding('ssh-config-refused', 'problem', settings)];
    }
    if (settings !== undefined) return settingsFindings(settings, { name, bastion });
    const what = 'The SSH config has no entry for it, so host key and login are not looked at';
    return [finding('ssh-no-entry', 'note', what, { command: 'devaccess hosts sync' })];
  }

  async #agent(): Promise<Finding[]> {
    const { target } = this.#question.host.reach;
    const facts = await this.#facts(target, undefined);
    const lastPing = facts.knowsPingStatus ? await this.#lastPing(target) : undefined;
    return agentFindings(facts, lastPing, this.#world.now());
  }

  async #documents(port: number, remoteHost: string | undefined): Promise<Finding[]> {
    const { target } = this.#question.host.reach;
    const { stop } = this.#world;
    const api = this.#sessions();
    const documents = documentsFor(port, remoteHost);
    const needed = documents.filter(({ isNeeded }) => isNeeded);
    const first = await tryDocuments(api, target, needed.map(requestOf), stop);
    const isRefused = first.trials.some(({ refusal }) => refusal !== undefined);
    const rest = isRefused ? [] : documents.filter(({ isNeeded }) => !isNeeded);
    const second = await tryDocuments(api, target, rest.map(requestOf), stop);
    const trials = [...first.trials, ...second.trials];
    const uses = trials.flatMap(({ documentName, refusal }) => {
      const document = documents.find((each) => each.documentName === documentName);
      return document === undefined ? [] : [{ ...document, refusal }];
    });
    return documentFindings(uses, first.endRefusal ?? second.endRefusal);
  }

  async #channel(port: number, remoteHost: string | undefined): Promise<Finding[]> {
    const trial = await this.#tryPort(port, remoteHost);
    const { agentVersion = '' } = trial;
    return channelFindings(
      trial,
      agentVersion === '' ? null : agentAdvice(agentVersion, undefined),
    );
  }

  #tryPort(port: number, remoteHost: string | undefined): Promise<SshPortTrial> {
    const { target } = this.#question.host.reach;
    const { env, stop } = this.#world;
    this.#trial ??= (async () => {
      const [document] = documentsFor(port, remoteHost);
      if (document === undefined) throw new Error('no document');
      const request = { ...requestOf(document), target };
      const api = this.#sessions();
      return trySshPort({ api, target, port, remoteHost, request, stop }, env);
    })();
    return this.#trial;
  }

  #login(sshName: string): Promise<LoginAttempt> {
    const attempt = this.#attempts.get(sshName) ?? tryLogin(sshName, this.#world);
    this.#attempts.set(sshName, attempt);
    return attempt;
  }

  #accessed(): Promise<AwsAccess> {
    this.#access ??= chooseAccess(this.#asked, this.#world.env, this.#world.now());
    return this.#access;
  }

  #sessions(): SsmSessionApi {
    this.#api ??= SsmSessionApi.create({ ...this.#asked, env: this.#world.env });
    return this.#api;
  }

  /** A node as the two services have it; what may not be asked is not known. */
  async #facts(instanceId: string, syncedAddress: string | undefined): Promise<InventoryFacts> {
    const access = await this.#accessed();
    const { region } = access;
    const base = { instanceId, region, syncedAddress };
    try {
      const source = awsNodesById(access, access.namedProfile, [instanceId]);
      const { nodes, knowsInstances, knowsPingStatus } = await readInventory(source);
      const node = nodes.find((each) => each.instanceId === instanceId);
      return { ...base, node, knowsInstances, knowsPingStatus };
    } catch (error) {
      if (!(error instanceof DevaccessError) || error.code !== 'DA_ACCESS_DENIED') throw error;
      return { ...base, node: undefined, knowsInstances: false, knowsPingStatus: false };
    }
  }

  async #lastPing(instanceId: string): Promise<Date | undefined> {
    const access = await this.#accessed();
    for await (const node of awsManagedNodes(access, access.namedProfile, [instanceId])) {
      return node.LastPingDateTime;
    }
    return undefined;
  }
}

interface TriedDocument extends Omit<SessionRequest, 'target'> {
  name: string;
  use: string;
  isNeeded: boolean;
}

/** The documents of devaccess, first the one that ssh goes by. */
function documentsFor(port: number, remoteHost: string | undefined): TriedDocument[] {
  const portNumber = [String(port)];
  const localPortNumber = ['0'];
  const ssh = {
    documentName: 'AWS-StartSSHSession',
    name: 'AWS-StartSSHSession',
    use: 'ssh to this node',
    parameters: { portNumber },
  };
  const remote = {
    documentName: 'AWS-StartPortForwardingSessionToRemoteHost',
    name: 'AWS-StartPortForwardingSessionToRemoteHost',
    use: 'forwards to hosts behind it',
    parameters: { host: [remoteHost ?? 'localhost'], portNumber, localPortNumber },
  };
  const others = [
    {
      documentName: 'AWS-StartPortForwardingSession',
      name: 'AWS-StartPortForwardingSession',
      use: 'devaccess forward',
      parameters: { portNumber, localPortNumber },
    },
    {
      documentName: 'AWS-StartNonInteractiveCommand',
      name: 'AWS-StartNonInteractiveCommand',
      use: 'devaccess run',
      parameters: { command: ['true'] },
    },
    { name: 'the shell', use: 'devaccess shell', parameters: {} },
  ];
  const [needed, other] = remoteHost === undefined ? [ssh, remote] : [remote, ssh];
  return [
    { ...needed, isNeeded: true },
    ...[other, ...others].map((document) => ({ ...document, isNeeded: false })),
  ];
}

function requestOf({ documentName, parameters }: TriedDocument): Omit<SessionRequest, 'target'> {
  return documentName === undefined ? { parameters } : { documentName, parameters };
}

/** The first host of a ProxyJump. */
function hostOf(jump: string): string {
  const [first = ''] = jump.split(',');
  return first.replace(/^.*@/, '').replace(/:\d+$/, '');
}
