import { setMaxListeners } from 'node:events';
import type { SendCommandCommandOutput, SSMClient } from '@aws-sdk/client-ssm';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { brieflyAwait } from '../../aws/run-command/poll-pace.ts';
import type { PollClock } from '../../aws/run-command/poll-pace.ts';
import { doneOrStopped } from '../../platform/stop-request.ts';
import { itemError } from '../node-api.ts';
import type { ItemError, NodeApi } from '../node-api.ts';
import type { HybridNode } from '../node-list.ts';
import { awaitCommand } from './await-command.ts';
import type { CommandEnd } from './await-command.ts';
import type { RotationStatus } from './invocation-status.ts';
import type { PinnedDocument } from './pinned-document.ts';
import { lastWord } from './script-streams.ts';
import { shareOf } from './share.ts';
import type { Share } from './share.ts';

/** What became of one node. */
export interface NodeRotation {
  instanceId: string;
  name: string | null;
  status: RotationStatus;
  /** For people. */
  detail: string | null;
  /** ISO 8601; of the credentials that it has now. */
  expiration: string | null;
  error: ItemError | null;
}

/** Credentials that were made ready for a node, and what its script will say of them. */
export interface Prepared {
  expirationMs: number;
  /** `ok <end of the key's id> <end of the credentials>`. */
  receipt: string;
  /** Parameters of the document that are this node's alone. */
  parameters: Readonly<Record<string, string>>;
}

/** One way to get credentials to nodes. */
export interface DeliveryWay {
  /** Nodes that one command can have. */
  batch: number;
  /** Gets credentials of a node, and puts them where it finds them. */
  prepare: (node: HybridNode) => Promise<Prepared>;
  /** Removes what was put anywhere for these nodes; soon gives up once stopped. Never rejects. */
  clear: (ids: readonly string[], stop: AbortSignal) => Promise<void>;
}

export interface RotationPlan {
  api: NodeApi;
  nodes: readonly HybridNode[];
  /** Undefined: credentials are only put where nodes find them. */
  document: PinnedDocument | undefined;
  /** Parameters of the document that are the same for all. */
  parameters: Readonly<Record<string, string>>;
  way: DeliveryWay;
  maxConcurrency: Share;
  maxErrors: Share;
  deliveryTimeoutS: number;
  executionTimeoutS: number;
  clock: PollClock;
  stop: AbortSignal;
  onResult: (result: NodeRotation) => void;
}

/** Commands that are in flight at the same time. */
const COMMANDS_AT_ONCE = 50;
/** Of the calls that make credentials ready. */
const PREPARED_AT_ONCE = 10;
/** For calls that are under way when it is stopped. */
const STOP_PATIENCE_MS = 3_000;
const COMMENT = 'devaccess nodes rotate';

/**
 * Brings credentials to nodes, a few at a time: those of a batch are made ready just before it is
 * sent. Resolves with a result for every node, in their order; old credentials stay where new ones did
 * not arrive.
 *
 * @throws DevaccessError where not even the first could be begun, for a reason that holds for all
 */
export async function rotateCredentials(plan: RotationPlan): Promise<NodeRotation[]> {
  return new Rotation(plan).run();
}

class Rotation {
  readonly #plan: RotationPlan;
  readonly #results = new Map<string, NodeRotation>();
  #failures = 0;
  #isSent = false;
  /** Holds for all that follow. */
  #fatal: DevaccessError | undefined;

  constructor(plan: RotationPlan) {
    this.#plan = plan;
  }

  async run(): Promise<NodeRotation[]> {
    const { nodes, way, maxConcurrency, stop } = this.#plan;
    // One for each command that is awaited: more than Node expects.
    setMaxListeners(0, stop);
    const ready = nodes.filter((node) => this.#canBeSent(node));
    const atOnce = Math.max(1, shareOf(maxConcurrency, ready.length));
    const size = Math.min(way.batch, atOnce);
    const batches: HybridNode[][] = [];
    for (let at = 0; at < ready.length; at += size) batches.push(ready.slice(at, at + size));
    const workers = Math.min(COMMANDS_AT_ONCE, Math.max(1, Math.floor(atOnce / size)));
    const work = async (): Promise<void> => {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
        await this.#deliver(batch, ready.length);
      }
    };
    await Promise.all(Array.from({ length: Math.min(workers, batches.length) }, work));
    if (this.#fatal !== undefined && !this.#isSent) throw this.#fatal;
    return nodes.map((node) => this.#results.get(node.instanceId) ?? this.#notSent(node));
  }

  /** What is not there, or no machine for our script, is told of and left out. */
  #canBeSent(node: HybridNode): boolean {
    if (/windows/i.test(node.platform ?? '')) {
      this.#tell(node, 'InvalidPlatform', 'rotate serves Linux');
      return false;
    }
    if (node.pingStatus === 'Online') return true;
    this.#tell(node, 'Offline', `its agent is not there (${node.pingStatus})`);
    return false;
  }

  async #deliver(batch: readonly HybridNode[], all: number): Promise<void> {
    if (this.#isOver(all)) {
      for (const node of batch) this.#results.set(node.instanceId, this.#notSent(node));
      for (const node of batch) this.#plan.onResult(this.#notSent(node));
      return;
    }
    const { way } = this.#plan;
    const prepared = new Map<HybridNode, Prepared>();
    try {
      await this.#prepareAll(batch, prepared);
      if (prepared.size > 0 && !this.#plan.stop.aborted) await this.#bring(prepared);
    } finally {
      const ids = batch.map(({ instanceId }) => instanceId);
      await way.clear(ids, this.#plan.stop);
    }
  }

  #isOver(all: number): boolean {
    if (this.#plan.stop.aborted || this.#fatal !== undefined) return true;
    return this.#failures > shareOf(this.#plan.maxErrors, all);
  }

  async #prepareAll(
    batch: readonly HybridNode[],
    prepared: Map<HybridNode, Prepared>,
  ): Promise<void> {
    const waiting = [...batch];
    const work = async (): Promise<void> => {
      for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
        const { stop, way } = this.#plan;
        if (stop.aborted || this.#fatal !== undefined) return;
        try {
          const ready = await doneOrStopped(way.prepare(node), stop, STOP_PATIENCE_MS);
          if (ready !== undefined) prepared.set(node, ready);
        } catch (error) {
          this.#fail([node], error);
        }
      }
    };
    await Promise.all(Array.from({ length: PREPARED_AT_ONCE }, work));
  }

  async #bring(prepared: Map<HybridNode, Prepared>): Promise<void> {
    const { document } = this.#plan;
    if (document !== undefined) {
      await this.#send(document, prepared);
      return;
    }
    this.#isSent = true;
    for (const [node, { expirationMs }] of prepared) {
      const expiration = new Date(expirationMs).toISOString();
      this.#tell(node, 'Success', 'put; the node fetches it', expiration);
    }
  }

  /** One node that was deregistered a moment ago must not keep the others from it. */
  async #send(document: PinnedDocument, prepared: Map<HybridNode, Prepared>): Promise<void> {
    const { api, deliveryTimeoutS, executionTimeoutS, clock, stop } = this.#plan;
    const nodes = [...prepared.keys()];
    const targets = nodes.map(({ instanceId }) => instanceId);
    let commandId: string | undefined;
    try {
      const sending = this.#sendCommand(document, targets, [...prepared.values()]);
      commandId = await doneOrStopped(sending, stop, STOP_PATIENCE_MS);
    } catch (error) {
      const gone = nodes.filter(({ instanceId }) => isRefusedFor(error, instanceId));
      this.#fail(gone.length === 0 ? nodes : gone, error);
      for (const node of gone) prepared.delete(node);
      if (gone.length > 0 && prepared.size > 0) await this.#send(document, prepared);
      return;
    }
    this.#isSent = true;
    if (commandId === undefined) {
      for (const node of nodes) this.#tell(node, 'Cancelled', 'stopped; it may have been sent');
      return;
    }
    const longestS = deliveryTimeoutS + executionTimeoutS;
    const ends = await awaitCommand(api, { commandId, targets, longestS }, { clock, stop });
    const open = targets.filter((id) => !ends.has(id));
    if (open.length > 0) await this.#cancel(commandId, open);
    for (const [node, { receipt, expirationMs }] of prepared) {
      const end = ends.get(node.instanceId);
      if (end === undefined) this.#tell(node, 'Cancelled', 'cancelled; it may have been done');
      else this.#conclude(node, end, receipt, expirationMs);
    }
  }

  async #sendCommand(
    document: PinnedDocument,
    targets: string[],
    prepared: readonly Prepared[],
  ): Promise<string> {
    const { SendCommandCommand } = await import('../ssm-commands.ts');
    const { api, parameters, deliveryTimeoutS, executionTimeoutS } = this.#plan;
    // A command has one set of parameters: what is a node's alone goes to it alone.
    const own = prepared.length === 1 ? prepared[0]?.parameters : {};
    const all = { ...parameters, ...own, ExecutionTimeout: String(executionTimeoutS) };
    const send = (client: SSMClient): Promise<SendCommandCommandOutput> =>
      client.send(
        new SendCommandCommand({
          DocumentName: document.name,
          DocumentVersion: document.version,
          DocumentHash: document.hash,
          DocumentHashType: 'Sha256',
          InstanceIds: targets,
          Parameters: Object.fromEntries(Object.entries(all).map(([key, value]) => [key, [value]])),
          TimeoutSeconds: deliveryTimeoutS,
          MaxConcurrency: '100%',
          // How many may fail is counted here, over all commands.
          MaxErrors: '100%',
          Comment: COMMENT,
        }),
      );
    const { Command } = await api.call('SendCommand', send, (error) =>
      error.name === 'InvalidInstanceId' ? notTaken(error) : undefined,
    );
    const commandId = Command?.CommandId;
    if (typeof commandId === 'string' && commandId !== '') return commandId;
    throw api.strange('SendCommand', 'without a command');
  }

  async #cancel(commandId: string, ids: string[]): Promise<void> {
    const { CancelCommandCommand } = await import('../ssm-commands.ts');
    const cancellation = this.#plan.api.call('CancelCommand', (client) =>
      client.send(new CancelCommandCommand({ CommandId: commandId, InstanceIds: ids })),
    );
    await brieflyAwait(cancellation);
  }

  #conclude(node: HybridNode, end: CommandEnd, receipt: string, expirationMs: number): void {
    const { status, detail, said } = end;
    const word = lastWord(said);
    if (status !== 'Success') {
      // The detail tells more than the status where they differ.
      const parts = [detail === status ? '' : detail, word].filter((part) => part !== '');
      this.#tell(node, status, parts.join(': ') || 'its script said nothing');
    } else if (said.stdout.trim() === receipt) {
      this.#tell(node, 'Success', null, new Date(expirationMs).toISOString());
    } else {
      this.#tell(node, 'Unverified', `it says ${JSON.stringify(word)}`);
    }
  }

  #fail(nodes: readonly HybridNode[], error: unknown): void {
    if (error instanceof DevaccessError && holdsForAll(error)) this.#fatal ??= error;
    for (const node of nodes) {
      const { message } = itemError(error);
      this.#tell(node, 'NotSent', message, null, itemError(error));
    }
  }

  #tell(
    { instanceId, name }: HybridNode,
    status: RotationStatus,
    detail: string | null,
    expiration: string | null = null,
    error: ItemError | null = null,
  ): void {
    const result = { instanceId, name, status, detail, expiration, error };
    const isCounted = !['Success', 'Offline', 'InvalidPlatform', 'Cancelled'].includes(status);
    if (isCounted) this.#failures += 1;
    this.#results.set(instanceId, result);
    this.#plan.onResult(result);
  }

  #notSent({ instanceId, name }: HybridNode): NodeRotation {
    const detail = this.#plan.stop.aborted
      ? 'stopped before'
      : this.#fatal === undefined
        ? 'too many others failed (--max-errors)'
        : this.#fatal.message;
    return { instanceId, name, status: 'NotSent', detail, expiration: null, error: null };
  }
}

const ALL_CODES: ReadonlySet<string> = new Set([
  'DA_ROLE_DENIED',
  'DA_ROLE_DURATION',
  'DA_ACCESS_DENIED',
  'DA_CREDENTIALS_INVALID',
  'DA_CLOCK_SKEW',
  'DA_ENDPOINT_UNREACHABLE',
  'DA_TLS',
]);

/** The service refuses a command as a whole for one node, which its message names. */
function notTaken(cause: Error): DevaccessError {
  return new DevaccessError('DA_NODE_UNKNOWN', 'Systems Manager takes no command for it', {
    next: 'is it still registered, and its agent there? devaccess nodes list',
    cause,
  });
}

function isRefusedFor(error: unknown, instanceId: string): boolean {
  if (!(error instanceof DevaccessError) || error.code !== 'DA_NODE_UNKNOWN') return false;
  return error.cause instanceof Error && error.cause.message.includes(instanceId);
}

/** What would be the same for every other node. */
function holdsForAll(error: DevaccessError): boolean {
  return error.exitCode === EXIT.needsPerson || ALL_CODES.has(error.code);
}
