import {
  DescribeInstanceInformationCommand,
  DescribeSessionsCommand,
  GetConnectionStatusCommand,
  ListDocumentsCommand,
  ListTagsForResourceCommand,
  ResumeSessionCommand,
  StartSessionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-ssm';
import { AssumeRoleCommand, GetSessionTokenCommand } from '@aws-sdk/client-sts';
import { describe, expect, it } from 'vitest';
import { failure, keysOf, start } from './clients.ts';

describe('sandbox SSM', () => {
  it('lists the nodes it manages, by either filter form but not both', async () => {
    const { ssm, longTerm, instance } = await start();
    const list = async (input: DescribeInstanceInformationCommand['input']) =>
      (
        await ssm(longTerm).send(new DescribeInstanceInformationCommand(input))
      ).InstanceInformationList!.map(({ InstanceId, PingStatus }) => [
        InstanceId!.split('-')[0],
        PingStatus,
      ]);
    const tag = { Key: 'tag:Name', Values: ['bastion'] };
    const hybrid = { key: 'ResourceType' as const, valueSet: ['ManagedInstance'] };
    expect(await list({})).toEqual([
      ['i', 'Online'],
      ['mi', 'Online'],
    ]);
    expect(await list({ Filters: [tag] })).toEqual([['i', 'Online']]);
    expect(await list({ InstanceInformationFilterList: [hybrid] })).toEqual([['mi', 'Online']]);
    expect(
      await list({ Filters: [{ Key: 'InstanceIds', Values: [instance('app-1').instanceId] }] }),
    ).toEqual([]);
    await expect(
      list({
        Filters: [tag],
        InstanceInformationFilterList: [hybrid],
      }),
    ).rejects.toThrow(failure('ValidationException', 400));
    await expect(list({ Filters: [{ Key: 'Nope', Values: ['x'] }] })).rejects.toThrow(
      failure('InvalidFilterKey', 400),
    );
    await expect(list({ MaxResults: 4 })).rejects.toThrow(failure('ValidationException', 400));
    await expect(list({ NextToken: 'made up' })).rejects.toThrow(failure('InvalidNextToken', 400));
  });

  it('tells the tags of a hybrid node', async () => {
    const { sandbox, ssm, longTerm, instance } = await start();
    const { instanceId } = sandbox.account.nodes.find((node) => node.instanceId.startsWith('mi-'))!;
    const tags = async (ResourceId: string, ResourceType = 'ManagedInstance' as const) =>
      (await ssm(longTerm).send(new ListTagsForResourceCommand({ ResourceType, ResourceId })))
        .TagList;
    expect(await tags(instanceId)).toEqual([
      { Key: 'Environment', Value: 'sandbox' },
      { Key: 'Site', Value: 'office' },
    ]);
    await expect(tags(instance('bastion').instanceId)).rejects.toThrow(
      failure('InvalidResourceId', 400),
    );
    await expect(tags(instanceId, 'Instance' as 'ManagedInstance')).rejects.toThrow(
      failure('ValidationException', 400),
    );
  });

  it('starts a session for MFA-backed credentials only', async () => {
    const { sandbox, ssm, sts, longTerm, mfaKeys, instance, startSsh } = await start();
    const target = instance('bastion').instanceId;
    const wording =
      `User: arn:aws:iam::123456789012:user/alice is not authorized to perform: ssm:StartSession ` +
      `on resource: arn:aws:ec2:us-east-1:123456789012:instance/${target} ` +
      `because no identity-based policy allows the ssm:StartSession action`;
    const plain = keysOf(await sts().send(new GetSessionTokenCommand({})));
    for (const keys of [longTerm, plain]) {
      await expect(ssm(keys).send(startSsh())).rejects.toThrow(
        failure('AccessDeniedException', 400, wording),
      );
    }
    expect(sandbox.registry.list()).toEqual([]);

    const started = await ssm(await mfaKeys()).send(startSsh());
    expect(started.SessionId).toMatch(/^alice-[0-9a-f]{17}$/);
    expect(started.StreamUrl).toBe(
      `ws://127.0.0.1:${sandbox.port}/v1/data-channel/${started.SessionId!}?role=publish_subscribe`,
    );
    expect(sandbox.registry.redeemToken(started.SessionId!, started.TokenValue!)).toBe(true);
    expect(sandbox.registry.get(started.SessionId!)).toMatchObject({
      target,
      documentName: 'AWS-StartSSHSession',
      parameters: { portNumber: ['22'] },
      ownerUserId: sandbox.user.userId,
    });
  });

  it('starts a session without MFA where that is switched off', async () => {
    const { ssm, longTerm, startSsh } = await start({ requireMfa: false });
    expect((await ssm(longTerm).send(startSsh())).SessionId).toMatch(/^alice-/);
  });

  it('refuses what it cannot reach, does not know or does not serve', async () => {
    const { ssm, mfaKeys, instance } = await start();
    const client = ssm(await mfaKeys());
    const bastion = instance('bastion').instanceId;
    const send = (input: Partial<StartSessionCommand['input']>) =>
      client.send(
        new StartSessionCommand({ Target: bastion, DocumentName: 'AWS-StartSSHSession', ...input }),
      );
    const someserver = instance('someserver').instanceId;
    await expect(send({ Target: someserver })).rejects.toThrow(
      failure('TargetNotConnected', 400, `^${someserver} is not connected\\.$`),
    );
    await expect(send({ Target: 'i-0123456789abcdef0' })).rejects.toThrow(
      failure('TargetNotConnected', 400),
    );
    await expect(send({ DocumentName: 'Custom-Document' })).rejects.toThrow(
      failure('InvalidDocument', 400, /Document with name Custom-Document does not exist/),
    );
    for (const Parameters of [
      { portNumber: ['0'] },
      { portNumber: ['65536'] },
      { portNumber: ['22', '23'] },
      { portNumber: [] },
      { localPortNumber: ['22'] },
    ]) {
      await expect(send({ Parameters })).rejects.toThrow(failure('InvalidParameters', 400));
    }
    await expect(send({ Target: 'x'.repeat(401) })).rejects.toThrow(
      failure('ValidationException', 400, /length less than or equal to 400/),
    );
    await expect(client.send(new ListDocumentsCommand({}))).rejects.toThrow(
      failure('UnknownOperationException', 400),
    );
  });

  it('starts a shell without a document, and commands with what they take', async () => {
    const { sandbox, ssm, mfaKeys, instance } = await start();
    const client = ssm(await mfaKeys());
    const Target = instance('bastion').instanceId;
    const shell = await client.send(new StartSessionCommand({ Target }));
    expect(sandbox.registry.get(shell.SessionId!)).toMatchObject({
      documentName: 'SSM-SessionManagerRunShell',
      document: { sessionType: 'Standard_Stream' },
    });
    const run = (Parameters: Record<string, string[]>) =>
      client.send(
        new StartSessionCommand({
          Target,
          DocumentName: 'AWS-StartNonInteractiveCommand',
          Parameters,
        }),
      );
    const command = ['echo {{ command }}'];
    const { SessionId } = await run({ command, separateOutputStream: ['true'] });
    expect(sandbox.registry.get(SessionId!)!.document).toEqual({
      sessionType: 'NonInteractiveCommands',
      linux: {
        commands: 'echo {{ command }}',
        separateOutputStream: 'true',
        stdOutSeparatorPrefix: '',
        stdErrSeparatorPrefix: '',
      },
    });
    for (const Parameters of [
      {},
      { command: [''] },
      { command, separateOutputStream: ['perhaps'] },
      { command, stdoutSeparatorPrefix: ['$'] },
    ]) {
      await expect(run(Parameters)).rejects.toThrow(failure('InvalidParameters', 400));
    }
  });

  it('fills in the parameters the document has by default', async () => {
    const { sandbox, ssm, mfaKeys, instance } = await start({
      documents: ['AWS-StartPortForwardingSessionToRemoteHost'],
    });
    const { SessionId } = await ssm(await mfaKeys()).send(
      new StartSessionCommand({
        Target: instance('bastion').instanceId,
        DocumentName: 'AWS-StartPortForwardingSessionToRemoteHost',
        Parameters: { host: ['db-1'], portNumber: ['5432'] },
      }),
    );
    expect(sandbox.registry.get(SessionId!)!.parameters).toEqual({
      host: ['db-1'],
      portNumber: ['5432'],
      localPortNumber: ['0'],
    });
  });

  it('resumes a session with a new token and ends it for good', async () => {
    const { sandbox, ssm, mfaKeys, startSsh } = await start();
    const client = ssm(await mfaKeys());
    const { SessionId, TokenValue } = await client.send(startSsh());
    const resumed = await client.send(new ResumeSessionCommand({ SessionId }));
    expect(resumed.TokenValue).not.toBe(TokenValue);
    expect(sandbox.registry.redeemToken(SessionId!, resumed.TokenValue!)).toBe(true);

    const terminate = new TerminateSessionCommand({ SessionId });
    expect((await client.send(terminate)).SessionId).toBe(SessionId);
    expect(sandbox.registry.get(SessionId!)!.status).toBe('Terminated');
    expect((await client.send(terminate)).SessionId).toBe(SessionId);
    const over = await client.send(new ResumeSessionCommand({ SessionId }));
    expect(over).toMatchObject({ SessionId });
    expect(over.TokenValue).toBeUndefined();
    await expect(client.send(new ResumeSessionCommand({ SessionId: 'alice-0' }))).rejects.toThrow(
      failure('DoesNotExistException', 400),
    );
  });

  it("does not touch another caller's session", async () => {
    const { sandbox, ssm, sts, mfaKeys, startSsh } = await start();
    const session = await mfaKeys();
    const { SessionId } = await ssm(session).send(startSsh());
    const role = keysOf(
      await sts(session).send(
        new AssumeRoleCommand({
          RoleArn: 'arn:aws:iam::123456789012:role/devaccess-admin',
          RoleSessionName: 'mallory',
        }),
      ),
    );
    const calls = [
      () => ssm(role).send(new TerminateSessionCommand({ SessionId })),
      () => ssm(role).send(new ResumeSessionCommand({ SessionId })),
    ];
    for (const call of calls) {
      await expect<Promise<unknown>>(call()).rejects.toThrow(
        failure('AccessDeniedException', 400, /assumed-role\/devaccess-admin\/mallory is not auth/),
      );
    }
    expect(sandbox.registry.get(SessionId!)!.status).toBe('Connected');
    const own = await ssm(role).send(startSsh());
    expect(own.SessionId).toMatch(/^mallory-/);
  });

  it('describes active and past sessions', async () => {
    const { clock, ssm, mfaKeys, instance, startSsh } = await start();
    const client = ssm(await mfaKeys());
    const first = await client.send(startSsh());
    clock.nowMs += 1000;
    const second = await client.send(startSsh());
    await client.send(new TerminateSessionCommand({ SessionId: first.SessionId }));
    const describe = async (input: DescribeSessionsCommand['input']) =>
      (await client.send(new DescribeSessionsCommand(input))).Sessions!;
    expect(await describe({ State: 'Active' })).toEqual([
      expect.objectContaining({
        SessionId: second.SessionId,
        Status: 'Connected',
        Target: instance('bastion').instanceId,
        Owner: 'arn:aws:iam::123456789012:user/alice',
        StartDate: new Date(clock.nowMs),
      }),
    ]);
    expect(await describe({ State: 'History' })).toEqual([
      expect.objectContaining({
        SessionId: first.SessionId,
        Status: 'Terminated',
        EndDate: new Date(clock.nowMs),
      }),
    ]);
    expect(await describe({ State: 'Active', Filters: [{ key: 'Target', value: 'i-0' }] })).toEqual(
      [],
    );
    await expect(describe({ State: 'Later' as 'Active' })).rejects.toThrow(
      failure('ValidationException', 400),
    );
  });

  it('opens no more than a thousand sessions at once', async () => {
    const { sandbox, ssm, mfaKeys, startSsh } = await start();
    const client = ssm(await mfaKeys());
    const { SessionId } = await client.send(startSsh());
    const {
      sessionId: _id,
      startedAtMs: _at,
      status: _status,
      ...facts
    } = sandbox.registry.get(SessionId!)!;
    for (let count = 1; count < 1000; count += 1) {
      sandbox.registry.start({ ...facts, ownerName: 'alice' });
    }
    await expect(client.send(startSsh())).rejects.toThrow(failure('ThrottlingException', 400));
    await client.send(new TerminateSessionCommand({ SessionId }));
    expect((await client.send(startSsh())).SessionId).toMatch(/^alice-/);
  });

  it('knows which targets are connected', async () => {
    const { ssm, longTerm, instance } = await start();
    const status = async (Target: string) =>
      (await ssm(longTerm).send(new GetConnectionStatusCommand({ Target }))).Status;
    expect(await status(instance('bastion').instanceId)).toBe('connected');
    expect(await status(instance('app-1').instanceId)).toBe('notconnected');
  });
});
