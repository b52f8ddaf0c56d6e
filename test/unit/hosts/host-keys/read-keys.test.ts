import { describe, expect, it } from 'vitest';
import type { InvocationSummary, Script } from '../../../../src/aws/run-command/run-command-api.ts';
import type { HostKey } from '../../../../src/hosts/host-keys/host-key.ts';
import type { KeySource, NodeFacts } from '../../../../src/hosts/host-keys/key-reading.ts';
import { FIRST_LINE, LAST_LINE, NO_KEYSCAN } from '../../../../src/hosts/host-keys/key-scripts.ts';
import { readHostKeys } from '../../../../src/hosts/host-keys/read-keys.ts';
import type { SyncedHost } from '../../../../src/hosts/synced-hosts.ts';
import { DevaccessError } from '../../../../src/platform/errors.ts';
import { ed25519 } from './keys.ts';

const idOf = (number: number): string => `i-${number.toString(16).padStart(17, '0')}`;
const BASTION = idOf(0xbbb);
const direct = (number: number): SyncedHost => ({
  alias: `host-${number}`,
  instanceId: idOf(number),
  route: 'direct',
  user: undefined,
  behind: undefined,
  profile: 'p',
  region: 'eu-west-1',
  port: 22,
});
const behind = (number: number, port = 22): SyncedHost => ({
  ...direct(number),
  route: 'jump',
  user: undefined,
  behind: { bastion: BASTION, hostName: `10.0.0.${number}` },
  port,
});
const ONLINE: NodeFacts = { pingStatus: 'Online', isWindows: false };

/** What a script answers on a node: its exit code and output, or that it cannot be sent. */
type Answer = { exitCode?: number; stdout: string } | DevaccessError;

/** Systems Manager that knows some nodes, each with its own answer. */
function source(
  nodes: Record<string, NodeFacts> | undefined,
  answer: (target: string, script: Script) => Answer,
): KeySource & { sent: { targets: readonly string[]; script: Script }[] } {
  const sent: { targets: readonly string[]; script: Script }[] = [];
  const outputs = new Map<string, string>();
  return {
    sent,
    nodes: () => Promise.resolve(nodes && new Map(Object.entries(nodes))),
    runCommand: {
      send: (targets, script) => {
        for (const target of targets) {
          const said = answer(target, script);
          if (said instanceof DevaccessError) throw said;
        }
        sent.push({ targets, script });
        return Promise.resolve(String(sent.length - 1));
      },
      invocations: (commandId, targets) => {
        const script = sent[Number(commandId)]!.script;
        const told = targets.map((instanceId): [string, InvocationSummary] => {
          const said = answer(instanceId, script);
          if (said instanceof DevaccessError) throw said;
          const { exitCode = 0, stdout } = said;
          outputs.set(`${commandId} ${instanceId}`, stdout);
          const status = exitCode === 0 ? 'Success' : 'Failed';
          // As the service does: more than this is told of by GetCommandInvocation alone.
          const output = stdout.slice(0, 2500);
          return [
            instanceId,
            { instanceId, status, statusDetails: status, responseCode: exitCode, output },
          ];
        });
        return Promise.resolve(new Map(told));
      },
      invocation: (commandId, target) =>
        Promise.resolve({
          status: 'Success',
          statusDetails: 'Success',
          responseCode: 0,
          stdout: (outputs.get(`${commandId} ${target}`) ?? '').slice(0, 24_000),
          stderr: '',
        }),
      cancel: () => Promise.resolve(),
    },
  };
}

const isScan = ({ commands }: Script): boolean => commands.join('\n').includes('ssh-keyscan -T');
const addressesIn = ({ commands }: Script): string[] =>
  commands.join(' ').match(/10\.0\.0\.\d+/g) ?? [];
const framed = (lines: string[]): string => [FIRST_LINE, ...lines, LAST_LINE, ''].join('\n');
const numberOf = (address: string): number => Number(address.split('.').at(-1));

/** Every node tells of one key, every server behind the bastion of `keysOf` it. */
function honest(keysOf: (number: number) => HostKey[] = (number) => [ed25519(number)]) {
  return (target: string, script: Script): Answer => {
    if (!isScan(script)) {
      const { type, base64 } = ed25519(Number.parseInt(target.slice(2), 16));
      return { stdout: framed([`key ${type} ${base64}`]) };
    }
    const lines = addressesIn(script).flatMap((address) =>
      keysOf(numberOf(address)).map(({ type, base64 }) => `${address} ${type} ${base64}`),
    );
    return { stdout: framed(lines) };
  };
}

async function read(hosts: SyncedHost[], from: KeySource) {
  const readings = await readHostKeys(hosts, from, new AbortController().signal);
  expect(readings).toHaveLength(hosts.length);
  return new Map(
    readings.map((reading) => [
      reading.host.alias,
      'told' in reading
        ? { by: reading.told.toldBy.kind, keys: reading.told.keys }
        : reading.error.code,
    ]),
  );
}

describe('reading host keys', () => {
  it('asks a node itself where it is online, though its entry goes through a bastion', async () => {
    const nodes = { [BASTION]: ONLINE, [idOf(1)]: ONLINE, [idOf(2)]: ONLINE };
    const from = source(nodes, honest());
    const found = await read([direct(1), behind(2), behind(3)], from);
    expect(found.get('host-1')).toEqual({ by: 'node', keys: [ed25519(1)] });
    expect(found.get('host-2')).toEqual({ by: 'node', keys: [ed25519(2)] });
    expect(found.get('host-3')).toEqual({ by: 'bastion', keys: [ed25519(3)] });
    expect(from.sent.map(({ targets }) => targets)).toEqual([[idOf(1), idOf(2)], [BASTION]]);
  });

  it('takes the document that the node can run', async () => {
    const windows = { pingStatus: 'Online', isWindows: true };
    const from = source({ [idOf(1)]: windows, [idOf(2)]: ONLINE }, honest());
    await read([direct(1), direct(2)], from);
    expect(from.sent.map(({ targets, script }) => [targets, script.document])).toEqual(
      expect.arrayContaining([
        [[idOf(1)], 'AWS-RunPowerShellScript'],
        [[idOf(2)], 'AWS-RunShellScript'],
      ]),
    );
  });

  it('tells of nodes and bastions that are not online, without asking them', async () => {
    const from = source({ [idOf(1)]: { ...ONLINE, pingStatus: 'ConnectionLost' } }, honest());
    const found = await read([direct(1), direct(2), behind(3)], from);
    expect([...found.values()]).toEqual(Array(3).fill('DA_TARGET_NOT_CONNECTED'));
    expect(from.sent).toEqual([]);
  });

  it('goes on where it may not ask who is online', async () => {
    const found = await read([direct(1), behind(2)], source(undefined, honest()));
    expect(found.get('host-1')).toMatchObject({ by: 'node' });
    expect(found.get('host-2')).toMatchObject({ by: 'bastion' });
  });

  it('asks the bastion where the node may not be asked', async () => {
    const nodes = { [BASTION]: ONLINE, [idOf(1)]: ONLINE, [idOf(2)]: ONLINE };
    const from = source(nodes, (target, script) => {
      if (target === BASTION) return honest()(target, script);
      const cause = new Error(`on resource: arn:aws:ec2:eu-west-1:1:instance/${target}`);
      return new DevaccessError('DA_ACCESS_DENIED', 'no', { cause });
    });
    const found = await read([behind(1), direct(2)], from);
    expect(found.get('host-1')).toMatchObject({ by: 'bastion' });
    expect(found.get('host-2')).toBe('DA_ACCESS_DENIED');
  });

  it('asks a bastion about servers by their port', async () => {
    const from = source({ [BASTION]: ONLINE }, (_target, script) => ({
      stdout: framed(
        addressesIn(script).map((address) => {
          const { type, base64 } = ed25519(numberOf(address));
          const isUsual = script.commands.join(' ').includes('-p 22 ');
          return `${isUsual ? address : `[${address}]:2222`} ${type} ${base64}`;
        }),
      ),
    }));
    const found = await read([behind(1), behind(2, 2222), behind(3)], from);
    expect([...found.values()].map((each) => (typeof each === 'string' ? each : each.by))).toEqual(
      Array(3).fill('bastion'),
    );
    expect(from.sent.map(({ script }) => addressesIn(script).length).sort()).toEqual([1, 2]);
  });

  it('asks for less at a time where the service cuts the answer', async () => {
    const many = Array.from({ length: 15 }, (_, index) => ed25519(100 + index));
    const hosts = Array.from({ length: 40 }, (_, index) => behind(index + 1));
    // 15 keys of one server are about 1400 characters, those of 20 servers more than is shown.
    const from = source(
      { [BASTION]: ONLINE },
      honest(() => many),
    );
    const found = await read(hosts, from);
    for (const host of hosts) expect(found.get(host.alias)).toMatchObject({ by: 'bastion' });
    for (const { script } of from.sent) expect(addressesIn(script).length).toBeLessThanOrEqual(15);
  });

  it('never takes what was cut for the whole', async () => {
    const from = source({ [BASTION]: ONLINE, [idOf(2)]: ONLINE }, (target, script) => {
      const { stdout } = honest()(target, script) as { stdout: string };
      return { stdout: `${stdout.replace(LAST_LINE, '')}${'x'.repeat(30_000)}` };
    });
    const found = await read([behind(1), direct(2)], from);
    expect([...found.values()]).toEqual(['DA_HOST_KEYS_INVALID', 'DA_HOST_KEYS_INVALID']);
  });

  it('says that a server does not answer, and that a bastion cannot ask', async () => {
    const silent = source(
      { [BASTION]: ONLINE },
      honest((number) => (number === 1 ? [] : [ed25519(2)])),
    );
    const found = await read([behind(1), behind(2)], silent);
    expect(found.get('host-1')).toBe('DA_HOST_KEYS_NONE');
    expect(found.get('host-2')).toMatchObject({ by: 'bastion' });
    const bare = source({ [BASTION]: ONLINE }, () => ({ exitCode: NO_KEYSCAN, stdout: '' }));
    expect((await read([behind(1)], bare)).get('host-1')).toBe('DA_NO_KEYSCAN');
  });

  it('sends no word of an entry to a bastion that is no address', async () => {
    const strange = { ...behind(1), behind: { bastion: BASTION, hostName: '10.0.0.1;id' } };
    const from = source({ [BASTION]: ONLINE }, honest());
    expect((await read([strange], from)).get('host-1')).toBe('DA_TARGET_NOT_CONNECTED');
    expect(from.sent).toEqual([]);
  });
});
