import type { Server } from 'node:net';
import { DevaccessError, errorLine } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import { ownIdentity } from '../../platform/process-identity.ts';
import { serveControl } from './control.ts';
import type { ExpiryEvent } from './expiry-watch.ts';
import { newRunId } from './run-record.ts';
import type { RunRecord } from './run-record.ts';
import type { FoundRun, RunRegistry } from './run-registry.ts';
import { planDigest } from './tunnel-plan.ts';
import type { TunnelPlan } from './tunnel-plan.ts';
import type { TunnelSet } from './tunnel-set.ts';

interface PresenceOptions {
  plans: readonly TunnelPlan[];
  tunnels: TunnelSet;
  /** Of credentials that end or have ended, by their owner. */
  warnings: ReadonlyMap<string, ExpiryEvent>;
  registry: RunRegistry;
  isDetached: boolean;
  log: Log;
}

/** How other commands see a process that carries tunnels: its record, and its answers. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #id = newRunId();
  readonly #socketPath: string;
  readonly #startedAt = new Date().toISOString();
  #server: Server | undefined;
  /** One write after the other. */
  #written: Promise<void> = Promise.resolve();

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#socketPath = options.registry.newSocketPath(this.#id);
  }

  /** @throws DevaccessError DA_TUNNEL_UP where another process has one of the tunnels */
  async begin(): Promise<void> {
    const { registry, tunnels, warnings } = this.#options;
    try {
      this.#server = await serveControl(this.#socketPath, {
        report: () => ({
          id: this.#id,
          tunnels: tunnels.statuses,
          credentials: [...warnings.values()],
        }),
        close: async (names) => {
          await tunnels.close(names);
          this.refresh();
          await this.#written;
        },
      });
      const others = await registry.claim(this.#record());
      if (others.length > 0) throw alreadyUp(tunnels.names, others);
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  /** Tunnels or sessions have come or gone. */
  refresh(): void {
    const { registry, log } = this.#options;
    this.#written = this.#written
      .then(() => registry.write(this.#record()))
      .catch((error: unknown) => log.event('record-not-written', { reason: errorLine(error) }));
  }

  async end(): Promise<void> {
    await this.#written;
    this.#server?.close();
    this.#options.registry.remove({ id: this.#id, socketPath: this.#socketPath });
  }

  #record(): RunRecord {
    const { plans, tunnels, isDetached } = this.#options;
    const statuses = new Map(tunnels.statuses.map((status) => [status.name, status]));
    return {
      format: 1,
      id: this.#id,
      process: ownIdentity(),
      startedAt: this.#startedAt,
      isDetached,
      socketPath: this.#socketPath,
      tunnels: plans.flatMap((plan) => {
        const status = statuses.get(plan.name);
        if (status === undefined) return [];
        const { name, profile, region, sessionIds } = status;
        return { name, digest: planDigest(plan), profile, region, sessionIds };
      }),
    };
  }
}

function alreadyUp(wanted: readonly string[], others: readonly FoundRun[]): DevaccessError {
  const taken = others.flatMap(({ record: { process, tunnels } }) =>
    tunnels
      .filter(({ name }) => wanted.includes(name))
      .map(({ name }) => `${name} (process ${process.pid})`),
  );
  return new DevaccessError('DA_TUNNEL_UP', `Already up: ${taken.join(', ')}`, {
    next: "see 'devaccess tunnels status'",
  });
}
