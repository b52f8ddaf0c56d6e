import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CancelCommandCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  SendCommandCommand,
} from '@aws-sdk/client-ssm';
import type { GetCommandInvocationCommandOutput, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startShellScript } from '../../../src/sandbox/run-command/shell-script.ts';
import type { SandboxOptions } from '../../../src/sandbox/sandbox.ts';
import { eventually } from '../support/person.ts';
import { failure, start } from './clients.ts';

let homeDirectory: string;
beforeAll(() => {
  homeDirectory = mkdtempSync(join(tmpdir(), 'devaccess-commands-'));
});
afterAll(() => rmSync(homeDirectory, { recursive: true }));

/** A sandbox whose nodes run scripts here, and its clients. */
async function startWithNodes(options: SandboxOptions = {}) {
  const rig = await start({
    startScript: (_instanceId, script) => startShellScript({ homeDirectory }, script),
    now: Date.now,
    ...options,
  });
  const client = rig.ssm(await rig.mfaKeys());
  const bastion = rig.instance('bastion').instanceId;
  const hybrid = rig.sandbox.account.nodes.find(({ instanceId }) => instanceId.startsWith('mi-'))!;
  const send = async (
    commands: string[],
    input: Partial<SendCommandCommand['input']> = { InstanceIds: [bastion] },
  ) =>
    (
      await client.send(
        new SendCommandCommand({
          DocumentName: 'AWS-RunShellScript',
          Parameters: { commands },
          ...input,
        }),
      )
    ).Command!;
  return { ...rig, client, bastion, hybrid: hybrid.instanceId, send };
}

/** Waits for the end of a command on a node. */
async function finished(
  client: SSMClient,
  CommandId: string,
  InstanceId: string,
): Promise<GetCommandInvocationCommandOutput> {
  let answer: GetCommandInvocationCommandOutput | undefined;
  await eventually('the command is done', async () => {
    try {
      answer = await client.send(new GetCommandInvocationCommand({ CommandId, InstanceId }));
    } catch (error) {
      if ((error as Error).name !== 'InvocationDoesNotExist') throw error;
    }
    return !['Pending', 'InProgress', 'Cancelling', undefined].includes(answer?.Status);
  });
  return answer!;
}

describe('sandbox Run Command', () => {
  it('runs a script and tells its streams and exit code', async () => {
    const { client, bastion, send } = await startWithNodes();
    const command = await send(['echo out; pwd', 'echo err >&2; exit 7']);
    expect(command).toMatchObject({ Status: 'Pending', TargetCount: 1, InstanceIds: [bastion] });
    const answer = await finished(client, command.CommandId!, bastion);
    expect(answer).toMatchObject({
      Status: 'Failed',
      StatusDetails: 'Failed',
      ResponseCode: 7,
      StandardOutputContent: `out\n${homeDirectory}\n`,
      StandardErrorContent: 'err\nfailed to run commands: exit status 7',
      PluginName: 'aws:runShellScript',
    });
    expect(answer.ExecutionElapsedTime).toMatch(/^PT\d+\.\d{3}S$/);
    const good = await send(['#!/bin/sh', 'true']);
    expect(await finished(client, good.CommandId!, bastion)).toMatchObject({
      Status: 'Success',
      ResponseCode: 0,
      StandardErrorContent: '',
    });
  });

  it('shows no more of the output than the service', async () => {
    const { client, bastion, send } = await startWithNodes();
    const { CommandId } = await send(['seq 1 20000; seq 1 20000 >&2']);
    const answer = await finished(client, CommandId!, bastion);
    expect(answer.StandardOutputContent).toHaveLength(24_000);
    expect(answer.StandardOutputContent).toMatch(/^1\n2\n[^]*--output truncated--$/);
    expect(answer.StandardErrorContent).toHaveLength(8000);
    const { CommandInvocations } = await client.send(
      new ListCommandInvocationsCommand({ CommandId, Details: true }),
    );
    const [plugin] = CommandInvocations![0]!.CommandPlugins!;
    expect(plugin!.Output).toHaveLength(2500);
    expect(plugin!.Output).toMatch(
      /---Output truncated---\n----------ERROR-------\n1\n[^]*\n---Error truncated----$/,
    );
  });

  it('ends what takes too long or was cancelled, with all it started', async () => {
    const { client, bastion, send } = await startWithNodes();
    const slow = await send(['sleep 1004'], {
      InstanceIds: [bastion],
      Parameters: { commands: ['sleep 1004 & wait'], executionTimeout: ['5'] },
    });
    const cancelled = await send(['echo before; sleep 1004']);
    await eventually('it runs', async () => {
      const { Commands } = await client.send(
        new ListCommandsCommand({ CommandId: cancelled.CommandId }),
      );
      return Commands![0]!.Status === 'InProgress';
    });
    await client.send(new CancelCommandCommand({ CommandId: cancelled.CommandId }));
    expect(await finished(client, cancelled.CommandId!, bastion)).toMatchObject({
      Status: 'Cancelled',
      ResponseCode: 137,
    });
    expect(await finished(client, slow.CommandId!, bastion)).toMatchObject({
      Status: 'TimedOut',
      StatusDetails: 'ExecutionTimedOut',
      ResponseCode: 137,
    });
  });

  it('finds its nodes by tags, and only those', async () => {
    const { client, hybrid, bastion, send } = await startWithNodes();
    const byTag = (Key: string, Values: string[]) =>
      send(['true'], { Targets: [{ Key, Values }], MaxErrors: '100%' });
    const both = await byTag('tag:Environment', ['sandbox']);
    expect(both.TargetCount).toBe(2);
    for (const id of [hybrid, bastion]) {
      expect(await finished(client, both.CommandId!, id)).toMatchObject({ Status: 'Success' });
    }
    expect((await byTag('tag:Site', ['office'])).TargetCount).toBe(1);
    expect((await byTag('tag-key', ['Site'])).TargetCount).toBe(1);
    const none = await byTag('tag:Site', ['moon']);
    expect(none).toMatchObject({ TargetCount: 0, StatusDetails: 'NoInstancesInTag' });
    expect((await byTag('InstanceIds', [hybrid])).TargetCount).toBe(1);
  });

  it('starts no more than asked at once, and none after too many errors', async () => {
    const { client, bastion, hybrid, send } = await startWithNodes();
    const { CommandId } = await send(['exit 1'], {
      InstanceIds: [bastion, hybrid],
      MaxConcurrency: '1',
      MaxErrors: '0',
    });
    expect(await finished(client, CommandId!, bastion)).toMatchObject({ Status: 'Failed' });
    expect(await finished(client, CommandId!, hybrid)).toMatchObject({
      Status: 'Cancelled',
      StatusDetails: 'Terminated',
      ResponseCode: -1,
    });
    const { Commands } = await client.send(new ListCommandsCommand({ CommandId }));
    expect(Commands).toMatchObject([{ Status: 'Failed', ErrorCount: 1, CompletedCount: 2 }]);
  });

  it('does not deliver to a node whose agent is away', async () => {
    const { client, bastion, send } = await startWithNodes({ startScript: () => undefined });
    const { CommandId } = await send(['true']);
    const pending = await eventuallyKnown(client, CommandId!, bastion);
    expect(pending).toMatchObject({ Status: 'Pending', ResponseCode: -1 });
    await client.send(new CancelCommandCommand({ CommandId, InstanceIds: [bastion] }));
    expect(await finished(client, CommandId!, bastion)).toMatchObject({ Status: 'Cancelled' });
  });

  it('lists by page and filter', async () => {
    const { client, bastion, hybrid, send } = await startWithNodes();
    const ids: string[] = [];
    for (const code of [0, 3, 0]) {
      const { CommandId } = await send([`exit ${code}`], { InstanceIds: [bastion, hybrid] });
      ids.push(CommandId!);
      await finished(client, CommandId!, bastion);
      await finished(client, CommandId!, hybrid);
    }
    const first = await client.send(new ListCommandsCommand({ MaxResults: 2 }));
    expect(first.Commands!.map(({ CommandId }) => CommandId)).toEqual([ids[2], ids[1]]);
    const rest = await client.send(
      new ListCommandsCommand({ MaxResults: 2, NextToken: first.NextToken }),
    );
    expect(rest.Commands!.map(({ CommandId }) => CommandId)).toEqual([ids[0]]);
    expect(rest.NextToken).toBeUndefined();
    const failed = await client.send(
      new ListCommandInvocationsCommand({ Filters: [{ key: 'Status', value: 'Failed' }] }),
    );
    expect(failed.CommandInvocations).toHaveLength(2);
    const mine = await client.send(
      new ListCommandInvocationsCommand({ CommandId: ids[0], InstanceId: hybrid }),
    );
    expect(mine.CommandInvocations).toMatchObject([{ InstanceId: hybrid, CommandPlugins: [] }]);
    await expect(
      client.send(new ListCommandsCommand({ MaxResults: 2, NextToken: 'made up' })),
    ).rejects.toThrow(failure('InvalidNextToken', 400));
  });

  it('refuses what the service refuses', async () => {
    const { client, ssm, longTerm, bastion, instance, send } = await startWithNodes({
      deniedDocuments: [],
    });
    const refused = async (
      name: string,
      input: Partial<SendCommandCommand['input']>,
      message?: RegExp,
    ): Promise<void> => {
      await expect(send(['true'], { InstanceIds: [bastion], ...input })).rejects.toThrow(
        failure(name, 400, message),
      );
    };
    await refused('InvalidDocument', { DocumentName: 'AWS-StartSSHSession' });
    await refused('InvalidDocument', { DocumentName: 'AWS-RunPatchBaseline' });
    await refused('InvalidParameters', { Parameters: {} }, /"commands" requires a value/);
    await refused('InvalidParameters', { Parameters: { command: ['x'] } }, /not defined/);
    await refused('InvalidParameters', {
      Parameters: { commands: ['x'], executionTimeout: ['172801'] },
    });
    const app = instance('app-1').instanceId;
    await refused('InvalidInstanceId', { InstanceIds: [app] }, /not in a valid state for account/);
    await refused('DuplicateInstanceId', { InstanceIds: [bastion, bastion] });
    await refused('ValidationException', { InstanceIds: ['web-1'] });
    await refused('ValidationException', { InstanceIds: undefined });
    await refused('ValidationException', { Targets: [{ Key: 'tag:Name', Values: ['bastion'] }] });
    await refused('ValidationException', { TimeoutSeconds: 29 });
    await refused('ValidationException', { MaxConcurrency: '0' });
    await expect(
      ssm(longTerm).send(
        new SendCommandCommand({
          DocumentName: 'AWS-RunShellScript',
          InstanceIds: [bastion],
          Parameters: { commands: ['true'] },
        }),
      ),
    ).rejects.toThrow(failure('AccessDeniedException', 400, /ssm:SendCommand/));
    const { CommandId } = await send(['true']);
    for (const InstanceId of [bastion, app]) {
      await expect(
        client.send(
          new GetCommandInvocationCommand({ CommandId: crypto.randomUUID(), InstanceId }),
        ),
      ).rejects.toThrow(failure('InvocationDoesNotExist', 400));
    }
    await finished(client, CommandId!, bastion);
    await expect(
      client.send(
        new GetCommandInvocationCommand({ CommandId, InstanceId: bastion, PluginName: 'nope' }),
      ),
    ).rejects.toThrow(failure('InvalidPluginName', 400));
    await expect(
      client.send(new CancelCommandCommand({ CommandId: crypto.randomUUID() })),
    ).rejects.toThrow(failure('InvalidCommandId', 400));
  });
});

/** Waits until the service knows of a command that may never run. */
async function eventuallyKnown(
  client: SSMClient,
  CommandId: string,
  InstanceId: string,
): Promise<GetCommandInvocationCommandOutput> {
  let answer: GetCommandInvocationCommandOutput | undefined;
  await eventually('the service knows of it', async () => {
    answer = await client
      .send(new GetCommandInvocationCommand({ CommandId, InstanceId }))
      .catch(() => undefined);
    return answer !== undefined;
  });
  return answer!;
}
