import { runOnNodes } from '../../aws/run-command/run-on-nodes.ts';
import type { ScriptOutcome } from '../../aws/run-command/script-outcome.ts';
import { DevaccessError } from '../../platform/errors.ts';
import type { HostKey } from './host-key.ts';
import { readScannedKeys } from './key-answers.ts';
import { stdoutOf } from './key-reading.ts';
import type { BehindBastion, KeyReading, KeySource } from './key-reading.ts';
import { NO_KEYSCAN, scanScript } from './key-scripts.ts';

/**
 * Servers that a bastion is asked about in one command: the service shows 24,000 characters, and the
 * keys of one server take about 1000, 3000 at most.
 */
const SCANNED_AT_ONCE = 15;
const SCANS_AT_ONCE = 4;

/** Has bastions ask the servers behind them, some at a time. */
export class BastionScan {
  readonly #source: KeySource;
  readonly #stop: AbortSignal;
  readonly #onReading: (reading: KeyReading) => void;

  constructor(source: KeySource, stop: AbortSignal, onReading: (reading: KeyReading) => void) {
    this.#source = source;
    this.#stop = stop;
    this.#onReading = onReading;
  }

  async run(hosts: readonly BehindBastion[]): Promise<void> {
    const groups = new Map<string, BehindBastion[]>();
    for (const host of hosts) {
      const key = `${host.behind.bastion} ${host.port}`;
      groups.set(key, [...(groups.get(key) ?? []), host]);
    }
    const batches = [...groups.values()].flatMap((group) => chunks(group, SCANNED_AT_ONCE));
    const work = async (): Promise<void> => {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
        await this.#scan(batch);
      }
    };
    await Promise.all(Array.from({ length: SCANS_AT_ONCE }, work));
  }

  /** @param hosts behind one bastion, with one port */
  async #scan(hosts: readonly BehindBastion[]): Promise<void> {
    const [first] = hosts;
    if (first === undefined || this.#stop.aborted) return;
    const { bastion } = first.behind;
    const addresses = [...new Set(hosts.map(({ behind }) => behind.hostName))];
    const outcomes: ScriptOutcome[] = [];
    await runOnNodes({
      api: this.#source.runCommand,
      targets: [bastion],
      script: scanScript(addresses, first.port),
      stop: this.#stop,
      onOutcome: (_bastion, each) => outcomes.push(each),
    });
    const [outcome] = outcomes;
    if (outcome === undefined) return;
    const { port } = first;
    try {
      if (outcome.exitCode === NO_KEYSCAN) throw noKeyscan(bastion);
      const stdout = stdoutOf(outcome, first);
      const who = `bastion ${bastion}`;
      const found = readScannedKeys(stdout, { addresses, port, who });
      if (found !== undefined) this.#tell(hosts, found);
      else if (addresses.length > 1) await this.#scanHalves(hosts);
      else throw tooLong(first);
    } catch (error) {
      if (!(error instanceof DevaccessError)) throw error;
      for (const host of hosts) this.#onReading({ host, error });
    }
  }

  async #scanHalves(hosts: readonly BehindBastion[]): Promise<void> {
    for (const half of chunks(hosts, Math.ceil(hosts.length / 2))) await this.#scan(half);
  }

  #tell(
    hosts: readonly BehindBastion[],
    found: ReadonlyMap<string, readonly HostKey[] | DevaccessError>,
  ): void {
    for (const host of hosts) {
      const { instanceId, port, behind } = host;
      const keys = found.get(behind.hostName) ?? noAnswer(host);
      const address = behind.hostName;
      const { bastion } = behind;
      if (keys instanceof DevaccessError) this.#onReading({ host, error: keys });
      else {
        const toldBy = { kind: 'bastion', bastion, address, port } as const;
        this.#onReading({ host, told: { instanceId, keys, toldBy } });
      }
    }
  }
}

function noKeyscan(bastion: string): DevaccessError {
  return new DevaccessError('DA_NO_KEYSCAN', `There is no ssh-keyscan on the bastion ${bastion}`, {
    next: 'install the OpenSSH clients there (openssh-clients, openssh-client)',
  });
}

function noAnswer({ behind }: BehindBastion): DevaccessError {
  return new DevaccessError(
    'DA_HOST_KEYS_NONE',
    `No SSH server answers at ${behind.hostName} when the bastion ${behind.bastion} asks it`,
    { next: 'check that it runs, its port, and its security group' },
  );
}

function tooLong({ behind }: BehindBastion): DevaccessError {
  return new DevaccessError(
    'DA_HOST_KEYS_INVALID',
    `What ${behind.hostName} has as host keys is more than Run Command shows`,
    { next: 'look at the server: no SSH server has that many keys' },
  );
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const list: Item[][] = [];
  for (let at = 0; at < items.length; at += size) list.push(items.slice(at, at + size));
  return list;
}
