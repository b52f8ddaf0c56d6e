import { describe, expect, it } from 'vitest';
import type {
  CommandInvocation,
  InvocationSummary,
  Script,
} from '../../../src/aws/run-command/run-command-api.ts';
import { runOnNodes } from '../../../src/aws/run-command/run-on-nodes.ts';
import type { RunOnNodesOptions } from '../../../src/aws/run-command/run-on-nodes.ts';
import type { ScriptOutcome } from '../../../src/aws/run-command/script-outcome.ts';
import { DevaccessError, EXIT } from '../../../src/platform/errors.ts';

const SCRIPT: Script = {
  document: 'AWS-RunShellScript',
  commands: ['true'],
  executionTimeoutS: 30,
};
const node = (index: number): string => `i-${index.toString(16).padStart(17, '0')}`;
const nodes = (count: number): string[] => Array.from({ length: count }, (_, index) => node(index));

function success(instanceId: string, output = `hello ${instanceId}\n`): InvocationSummary {
  return { instanceId, status: 'Success', statusDetails: 'Success', responseCode: 0, output };
}

function refusal(code: 'DA_TARGET_NOT_CONNECTED' | 'DA_ACCESS_DENIED', text: string) {
  return new DevaccessError(code, 'refused', { cause: new Error(text) });
}

/** Run Command as a test wants it, on a clock that goes by at once. */
class FakeService {
  readonly sent: string[][] = [];
  readonly cancelled: string[][] = [];
  asked = 0;
  /** Throws what SendCommand refuses with. */
  onSend: (targets: readonly string[]) => void = () => undefined;
  /** What the list tells of a node, at the n-th time of asking from 1 on. */
  tell: (id: string, asked: number) => InvocationSummary | undefined = (id) => success(id);
  whole: (id: string) => CommandInvocation = () => {
    throw new Error('the whole output was asked for');
  };

  readonly api: RunOnNodesOptions['api'] = {
    send: (targets) => {
      this.onSend(targets);
      this.sent.push([...targets]);
      return Promise.resolve(`command-${this.sent.length}`);
    },
    invocations: (_commandId, targets) => {
      this.asked += 1;
      const told = targets.map((id) => this.tell(id, this.asked));
      return Promise.resolve(
        new Map(told.filter((each) => each !== undefined).map((each) => [each.instanceId, each])),
      );
    },
    invocation: (_commandId, target) => Promise.resolve(this.whole(target)),
    cancel: (_commandId, targets) => {
      this.cancelled.push([...targets]);
      return Promise.resolve();
    },
  };

  async run(
    targets: readonly string[],
    stop = new AbortController().signal,
  ): Promise<Map<string, ScriptOutcome>> {
    const outcomes = new Map<string, ScriptOutcome>();
    let now = 0;
    await runOnNodes({
      api: this.api,
      targets,
      script: SCRIPT,
      stop,
      onOutcome: (target, outcome) => outcomes.set(target, outcome),
      clock: {
        now: () => now,
        wait: async (ms) => {
          now += ms;
          await new Promise((resolve) => setImmediate(resolve));
        },
      },
    });
    return outcomes;
  }
}

describe('a script on many nodes', () => {
  it('goes to no more nodes at once than one SendCommand takes, and each only once', async () => {
    const service = new FakeService();
    const outcomes = await service.run([...nodes(120), node(0)]);
    expect(service.sent.map(({ length }) => length).sort()).toEqual([20, 50, 50]);
    expect(new Set(service.sent.flat()).size).toBe(120);
    expect(outcomes.size).toBe(120);
    expect(outcomes.get(node(7))).toMatchObject({ exitCode: 0, stdout: `hello ${node(7)}\n` });
  });

  it('leaves out those the service will not take, and goes on with the rest', async () => {
    const service = new FakeService();
    const gone = new Set([node(3), node(40)]);
    service.onSend = (targets) => {
      const bad = targets.filter((target) => gone.has(target));
      if (bad.length === 0) return;
      throw refusal(
        'DA_TARGET_NOT_CONNECTED',
        `Instances [[${bad.join(', ')}]] not in a valid state`,
      );
    };
    const outcomes = await service.run(nodes(50));
    expect(service.sent).toEqual([nodes(50).filter((id) => !gone.has(id))]);
    expect(outcomes.size).toBe(50);
    for (const id of gone) {
      expect(outcomes.get(id)?.failure?.code).toBe('DA_TARGET_NOT_CONNECTED');
    }
  });

  it('finds them by halves where the service does not name them', async () => {
    const service = new FakeService();
    service.onSend = (targets) => {
      if (targets.includes(node(17))) throw refusal('DA_TARGET_NOT_CONNECTED', 'no');
    };
    const outcomes = await service.run(nodes(50));
    const failed = [...outcomes].filter(([, { failure }]) => failure !== undefined);
    expect(failed.map(([id]) => id)).toEqual([node(17)]);
    expect(service.sent.flat().sort()).toEqual(nodes(50).filter((id) => id !== node(17)));
  });

  it('goes on where a policy allows some nodes, and not where it allows none', async () => {
    const some = new FakeService();
    some.onSend = (targets) => {
      if (!targets.includes(node(1))) return;
      throw refusal('DA_ACCESS_DENIED', `on resource: arn:aws:ec2:eu-west-1:1:instance/${node(1)}`);
    };
    expect([...(await some.run(nodes(3)))].map(([id, { failure }]) => [id, failure?.code])).toEqual(
      expect.arrayContaining([
        [node(0), undefined],
        [node(1), 'DA_ACCESS_DENIED'],
        [node(2), undefined],
      ]),
    );
    const none = new FakeService();
    let tries = 0;
    none.onSend = ([first = '']) => {
      tries += 1;
      throw refusal('DA_ACCESS_DENIED', `on resource: arn:aws:ec2:eu-west-1:1:instance/${first}`);
    };
    expect((await none.run(nodes(50))).size).toBe(50);
    expect(tries).toBe(5);
    const document = new FakeService();
    tries = 0;
    document.onSend = () => {
      tries += 1;
      throw refusal('DA_ACCESS_DENIED', 'on resource: arn:aws:ssm:eu-west-1::document/AWS-Run');
    };
    expect((await document.run(nodes(50))).size).toBe(50);
    expect(tries).toBe(1);
  });

  it('waits through every state that is no end, and tells of each that is', async () => {
    const service = new FakeService();
    const ends = ['TimedOut', 'Cancelled', 'Failed', 'Success'];
    const details = ['DeliveryTimedOut', 'Terminated', 'Undeliverable', 'Success'];
    service.tell = (instanceId, asked) => {
      const index = Number.parseInt(instanceId.slice(2), 16);
      const before = ['Pending', 'InProgress', 'Delayed', 'Cancelling'][asked - 1];
      if (before !== undefined)
        return { ...success(instanceId), status: before, output: undefined };
      const status = ends[index] ?? '';
      return {
        ...success(instanceId, ''),
        status,
        statusDetails: details[index] ?? '',
        responseCode: index === 3 ? 0 : -1,
      };
    };
    const outcomes = await service.run(nodes(4));
    const told = nodes(4).map(
      (id) => outcomes.get(id)?.failure?.message ?? outcomes.get(id)?.exitCode,
    );
    expect(told).toEqual([
      expect.stringContaining('DeliveryTimedOut'),
      expect.stringContaining('Terminated'),
      expect.stringContaining('Undeliverable'),
      0,
    ]);
  });

  it('asks for the whole of what the list cuts or mixes', async () => {
    const service = new FakeService();
    const listed = [
      'x'.repeat(2500),
      'out\n----------ERROR-------\nerr',
      'x\n---Output truncated---',
      'short',
    ];
    service.tell = (id) => success(id, listed[Number.parseInt(id.slice(2), 16)]);
    service.whole = (id) => ({
      status: 'Success',
      statusDetails: 'Success',
      responseCode: 0,
      stdout: id === node(0) ? 'y'.repeat(24_000) : 'whole',
      stderr: 'err',
    });
    const outcomes = await service.run(nodes(4));
    expect(outcomes.get(node(0))).toMatchObject({ isTruncated: true, stderr: 'err' });
    expect(outcomes.get(node(1))).toMatchObject({ stdout: 'whole', isTruncated: false });
    expect(outcomes.get(node(2))).toMatchObject({ stdout: 'whole' });
    expect(outcomes.get(node(3))).toMatchObject({ stdout: 'short', stderr: '' });
  });

  it('gives up on what the service never tells of, and on what never ends', async () => {
    const service = new FakeService();
    service.tell = (id) =>
      id === node(0)
        ? undefined
        : { ...success(id), status: 'InProgress', statusDetails: 'InProgress' };
    const outcomes = await service.run(nodes(2));
    expect(outcomes.get(node(0))?.failure?.message).toContain('unknown to the service');
    expect(outcomes.get(node(1))?.failure?.message).toContain('InProgress');
  });

  it('goes on through trouble of the network, and not where the person is needed', async () => {
    const flaky = new FakeService();
    flaky.tell = (id, asked) => {
      if (asked < 5) throw new DevaccessError('DA_ENDPOINT_UNREACHABLE', 'no way');
      return success(id);
    };
    expect((await flaky.run(nodes(1))).get(node(0))?.exitCode).toBe(0);
    const expired = new FakeService();
    expired.tell = () => {
      throw new DevaccessError('DA_CREDENTIALS_EXPIRED', 'over', { exitCode: EXIT.needsPerson });
    };
    const outcome = (await expired.run(nodes(1))).get(node(0));
    expect(outcome?.failure).toMatchObject({ code: 'DA_CREDENTIALS_EXPIRED', exitCode: 3 });
    expect(expired.asked).toBe(1);
  });

  it('cancels what runs when asked to stop, and sends nothing more', async () => {
    const service = new FakeService();
    const stop = new AbortController();
    service.tell = (id) => {
      if (id === node(1)) return success(id);
      stop.abort();
      return { ...success(id), status: 'InProgress' };
    };
    const outcomes = await service.run(nodes(2), stop.signal);
    expect(service.cancelled).toEqual([[node(0)]]);
    expect([...outcomes.keys()]).toEqual([node(1)]);
    expect((await service.run(nodes(2), stop.signal)).size).toBe(0);
    expect(service.sent).toHaveLength(1);
  });
});
