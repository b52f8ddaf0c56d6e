import { describe, expect, it } from 'vitest';
import { walk, outcomeOfWalk } from '../../../../src/doctor/host/host-step.ts';
import {
  agentFindings,
  inventoryFindings,
} from '../../../../src/doctor/host/inventory-findings.ts';
import type { InventoryFacts } from '../../../../src/doctor/host/inventory-findings.ts';
import {
  channelFindings,
  documentFindings,
  portFindings,
} from '../../../../src/doctor/host/session-findings.ts';
import { DevaccessError, EXIT } from '../../../../src/platform/errors.ts';
import { finding } from '../../../../src/platform/finding.ts';

const ids = (findings: readonly { id: string }[]): string[] => findings.map(({ id }) => id);
const denied = new DevaccessError('DA_ACCESS_DENIED', 'no', { next: 'ask' });

const facts: InventoryFacts = {
  instanceId: 'i-0123456789abcdef0',
  region: 'eu-west-1',
  knowsInstances: true,
  knowsPingStatus: true,
  syncedAddress: undefined,
  node: {
    instanceId: 'i-0123456789abcdef0',
    isHybrid: false,
    state: 'running',
    privateAddress: '10.0.0.5',
    platformName: 'Ubuntu',
    isWindows: false,
    pingStatus: 'Online',
  },
};
const node = facts.node!;

describe('a server', () => {
  it.each<[string, Partial<InventoryFacts>]>([
    ['server', {}],
    ['server', { syncedAddress: '10.0.0.5' }],
    ['server-moved', { syncedAddress: '10.0.0.6' }],
    ['server-not-running', { node: { ...node, state: 'stopped' } }],
    ['server-not-running', { node: { ...node, state: 'stopping' } }],
    ['server-gone', { node: undefined }],
    ['server-unknown', { node: undefined, knowsInstances: false }],
    ['server-gone', { node: undefined, instanceId: 'mi-0123456789abcdef0' }],
    [
      'server-unknown',
      { node: undefined, instanceId: 'mi-0123456789abcdef0', knowsPingStatus: false },
    ],
  ])('is %s', (id, change) => {
    expect(inventoryFindings({ ...facts, ...change })[0]?.id).toBe(id);
  });

  it('that runs Windows is told of', () => {
    const found = inventoryFindings({ ...facts, node: { ...node, isWindows: true } });
    expect(ids(found)).toEqual(['server', 'server-windows']);
  });
});

describe('an agent', () => {
  it.each<[string, Partial<InventoryFacts>]>([
    ['agent', {}],
    ['agent-offline', { node: { ...node, pingStatus: 'ConnectionLost' } }],
    ['agent-not-registered', { node: { ...node, pingStatus: undefined } }],
    ['agent-not-registered', { node: undefined }],
    ['agent-unknown', { node: undefined, knowsPingStatus: false }],
  ])('is %s', (id, change) => {
    expect(ids(agentFindings({ ...facts, ...change }, undefined, 0))).toEqual([id]);
  });

  it.each([
    [30_000, '30 s ago'],
    [300_000, '5 min ago'],
    [3 * 3_600_000, '3 h ago'],
    [3 * 86_400_000, '3 days ago'],
  ])('was heard %i ms ago', (ms, text) => {
    expect(agentFindings(facts, new Date(1), 1 + ms)[0]?.what).toContain(text);
  });
});

describe('sessions', () => {
  const ssh = { name: 'ssh', use: 'ssh', isNeeded: true, refusal: undefined };
  const shell = { name: 'the shell', use: 'devaccess shell', isNeeded: false, refusal: denied };

  it('that ssh needs are a problem where they are refused, others are noted', () => {
    expect(ids(documentFindings([{ ...ssh, refusal: denied }], undefined))).toEqual([
      'session-refused',
    ]);
    const [, other] = documentFindings([ssh, shell], undefined);
    expect(other).toMatchObject({ id: 'document-refused', severity: 'note', fix: { edit: 'ask' } });
  });

  it('that cannot be ended are warned of', () => {
    const [, end] = documentFindings([ssh], denied);
    expect(end).toMatchObject({ id: 'session-end-refused', severity: 'warning' });
  });

  it('come to an agent, whose version may be old, and to what listens', () => {
    const failure = new DevaccessError('DA_GATEWAY', 'closed');
    const none = { agentVersion: undefined, banner: undefined, failure };
    expect(ids(channelFindings(none, null))).toEqual(['channel-failed']);
    const open = { ...none, agentVersion: '2.3.1.0' };
    expect(ids(channelFindings(open, 'update its agent'))).toEqual(['channel', 'agent-old']);
    expect(ids(portFindings(open, 22))).toEqual(['port-silent']);
    const banner = (text: string) => portFindings({ banner: text, failure: undefined }, 22);
    expect(ids(banner('SSH-2.0-x'))).toEqual(['port']);
    expect(ids(banner('HTTP/1.1 400'))).toEqual(['port-not-ssh']);
  });
});

describe('the walk', () => {
  const go = new AbortController().signal;
  const step = (take: () => ReturnType<typeof finding>[]) => ({
    step: 'agent' as const,
    node: 'web',
    take,
  });

  it('ends at the first problem, and tells errors as such', async () => {
    const plan = [
      step(() => [finding('a', 'warning', '')]),
      step(() => {
        throw denied;
      }),
      step(() => expect.fail('not to be reached')),
    ];
    const steps = await walk(plan, new Set(), go);
    expect(steps.map(({ state }) => state)).toEqual(['passed', 'failed', 'not-reached']);
    expect(steps[1]?.findings).toMatchObject([{ id: 'step-failed', fix: { edit: 'ask' } }]);
    expect(outcomeOfWalk(steps)).toBe('problem');
  });

  it('is for the person to mend where a code does it', async () => {
    const known = await walk([step(() => [finding('late', 'problem', '')])], new Set(['late']), go);
    expect(outcomeOfWalk(known)).toBe('needs-person');
    const expired = new DevaccessError('DA_CREDENTIALS_EXPIRED', '', {
      exitCode: EXIT.needsPerson,
    });
    const thrown = await walk(
      [
        step(() => {
          throw expired;
        }),
      ],
      new Set(),
      go,
    );
    expect(outcomeOfWalk(thrown)).toBe('needs-person');
  });

  it('ends where it is stopped', async () => {
    const steps = await walk([step(() => [])], new Set(), AbortSignal.abort());
    expect(steps[0]?.state).toBe('not-reached');
  });
});
