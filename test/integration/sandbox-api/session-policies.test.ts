import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import {
  DescribeSessionsCommand,
  ResumeSessionCommand,
  SendCommandCommand,
  StartSessionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-ssm';
import { GetSessionTokenCommand } from '@aws-sdk/client-sts';
import { describe, expect, it } from 'vitest';
import { signedUpgradeHeaders } from '../../../src/session/transport/sign-upgrade.ts';
import { failure, keysOf, start } from './clients.ts';
import type { Keys } from './clients.ts';

const ACCOUNT = '123456789012';
const MFA = { 'aws:MultiFactorAuthPresent': 'true' };
const CHECK = { 'ssm:SessionDocumentAccessCheck': 'true' };
const NODES = [
  `arn:aws:ec2:us-east-1:${ACCOUNT}:instance/*`,
  `arn:aws:ssm:us-east-1:${ACCOUNT}:managed-instance/*`,
];
const DOCUMENTS = ['arn:aws:ssm:us-east-1::document/AWS-StartSSHSession'];

interface Statement {
  Sid: string;
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** The least-privilege policy for SSH, statement by statement. */
const STATEMENTS: readonly Statement[] = [
  {
    Sid: 'StartOnTaggedNodes',
    Effect: 'Allow',
    Action: 'ssm:StartSession',
    Resource: NODES,
    Condition: {
      StringEquals: { 'ssm:resourceTag/Environment': ['sandbox'] },
      Bool: MFA,
      NumericLessThan: { 'aws:MultiFactorAuthAge': '43200' },
      BoolIfExists: CHECK,
    },
  },
  {
    Sid: 'SessionDocuments',
    Effect: 'Allow',
    Action: 'ssm:StartSession',
    Resource: DOCUMENTS,
    Condition: { Bool: MFA, BoolIfExists: CHECK },
  },
  {
    Sid: 'OwnDataChannel',
    Effect: 'Allow',
    Action: 'ssmmessages:OpenDataChannel',
    Resource: `arn:aws:ssm:us-east-1:${ACCOUNT}:session/*`,
  },
  {
    Sid: 'OwnSessions',
    Effect: 'Allow',
    Action: ['ssm:TerminateSession', 'ssm:ResumeSession'],
    Resource: `arn:aws:ssm:us-east-1:${ACCOUNT}:session/*`,
    Condition: {
      StringLike: { 'ssm:resourceTag/aws:ssmmessages:session-id': ['${aws:userid}'] },
    },
  },
  {
    Sid: 'Discover',
    Effect: 'Allow',
    Action: ['ssm:DescribeSessions', 'ec2:DescribeInstances'],
    Resource: '*',
  },
];

const policyOf = (statements: readonly Statement[]) => ({
  Version: '2012-10-17',
  Statement: statements,
});
const changed = (sid: string, change: (statement: Statement) => Partial<Statement>) =>
  STATEMENTS.map((each) => (each.Sid === sid ? { ...each, ...change(each) } : each));

async function startWith(statements: readonly Statement[]) {
  const rig = await start({ userPolicy: policyOf(statements) });
  const Target = rig.instance('bastion').instanceId;
  const hybrid = rig.sandbox.account.nodes.find(({ instanceId }) => instanceId.startsWith('mi-'))!;
  const DocumentName = 'AWS-StartSSHSession';
  const session = (
    keys: Keys,
    input: { Target?: string; DocumentName?: string | undefined } = {},
  ) => rig.ssm(keys).send(new StartSessionCommand({ Target, DocumentName, ...input }));
  return { ...rig, Target, hybrid: hybrid.instanceId, session };
}

const deniedOn = (resource: RegExp | string) =>
  failure(
    'AccessDeniedException',
    400,
    new RegExp(`on resource: ${typeof resource === 'string' ? resource : resource.source}`),
  );

describe('a least-privilege policy', () => {
  it('lets SSH sessions to tagged nodes through, and nothing else', async () => {
    const { ssm, longTerm, mfaKeys, session, instance, hybrid } = await startWith(STATEMENTS);
    const keys = await mfaKeys();
    expect((await session(keys)).SessionId).toMatch(/^alice-/);
    // A hybrid node has an ARN of its own.
    expect((await session(keys, { Target: hybrid })).SessionId).toMatch(/^alice-/);
    await expect(session(longTerm)).rejects.toThrow(deniedOn('arn:aws:ec2:.*:instance/i-'));
    // No document: the default shell, which the document check keeps shut.
    await expect(session(keys, { DocumentName: undefined })).rejects.toThrow(
      deniedOn(`arn:aws:ssm:us-east-1:${ACCOUNT}:document/SSM-SessionManagerRunShell`),
    );
    for (const DocumentName of ['SSM-SessionManagerRunShell', 'AWS-StartPortForwardingSession']) {
      await expect(session(keys, { DocumentName })).rejects.toThrow(
        deniedOn(`arn:aws:ssm:us-east-1:[0-9]*:document/${DocumentName}`),
      );
    }
    // It is asked before it is looked for.
    await expect(session(keys, { DocumentName: 'No-Such' })).rejects.toThrow(deniedOn('.*No-Such'));
    await expect(
      ssm(keys).send(
        new SendCommandCommand({
          DocumentName: 'AWS-RunShellScript',
          InstanceIds: [instance('bastion').instanceId],
          Parameters: { commands: ['id'] },
        }),
      ),
    ).rejects.toThrow(failure('AccessDeniedException', 400, /ssm:SendCommand/));
  });

  it('ends with the freshness of the code', async () => {
    const { clock, sts, mfa, session } = await startWith(STATEMENTS);
    const keys = keysOf(
      await sts().send(new GetSessionTokenCommand({ ...mfa(), DurationSeconds: 129_600 })),
    );
    expect((await session(keys)).SessionId).toMatch(/^alice-/);
    clock.nowMs += 43_200_000;
    await expect(session(keys)).rejects.toThrow(deniedOn('arn:aws:ec2'));
  });

  it('works by the document alone only without the document check', async () => {
    // What the usual how-tos leave out: then no document is needed to get a shell.
    const classic = changed('StartOnTaggedNodes', ({ Condition }) => {
      const { BoolIfExists: _check, ...rest } = Condition!;
      return { Condition: rest };
    });
    const open = await startWith(classic);
    const shell = await open.session(await open.mfaKeys(), { DocumentName: undefined });
    expect(open.sandbox.registry.get(shell.SessionId!)!.documentName).toBe(
      'SSM-SessionManagerRunShell',
    );
    // Bool in the place of BoolIfExists refuses the documents that are named, too.
    const strict = changed('StartOnTaggedNodes', ({ Condition }) => {
      const { BoolIfExists: _check, ...rest } = Condition!;
      return { Condition: { ...rest, Bool: { ...MFA, ...CHECK } } };
    });
    const shut = await startWith(strict);
    await expect(shut.session(await shut.mfaKeys())).rejects.toThrow(deniedOn('arn:aws:ec2'));
  });

  it('must name the documents of AWS without an account', async () => {
    const wrong = changed('SessionDocuments', () => ({
      Resource: `arn:aws:ssm:us-east-1:${ACCOUNT}:document/AWS-StartSSHSession`,
    }));
    const { mfaKeys, session } = await startWith(wrong);
    await expect(session(await mfaKeys())).rejects.toThrow(deniedOn('arn:aws:ssm:us-east-1::doc'));
  });

  it('asks for the tag of the node, not of the document', async () => {
    const tagged = changed('StartOnTaggedNodes', ({ Condition }) => ({
      Condition: { ...Condition, StringEquals: { 'ssm:resourceTag/Environment': ['production'] } },
    }));
    const other = await startWith(tagged);
    await expect(other.session(await other.mfaKeys())).rejects.toThrow(deniedOn('arn:aws:ec2'));
    const onDocument = changed('SessionDocuments', ({ Condition }) => ({
      Condition: { ...Condition, StringEquals: { 'ssm:resourceTag/Environment': ['sandbox'] } },
    }));
    const mixed = await startWith(onDocument);
    await expect(mixed.session(await mixed.mfaKeys())).rejects.toThrow(deniedOn(/.*:document/));
  });

  it.each([
    ['Discover', 'describe'],
    ['OwnSessions', 'terminate'],
    ['OwnSessions', 'resume'],
    ['OwnDataChannel', 'open'],
  ])('without %s refuses to %s', async (sid, what) => {
    for (const statements of [STATEMENTS, STATEMENTS.filter(({ Sid }) => Sid !== sid)]) {
      const rig = await startWith(statements);
      const keys = await rig.mfaKeys();
      const { SessionId } = await rig.session(keys);
      const client = rig.ssm(keys);
      const attempt = async (): Promise<unknown> => {
        switch (what) {
          case 'describe':
            return client.send(new DescribeSessionsCommand({ State: 'Active' }));
          case 'terminate':
            return client.send(new TerminateSessionCommand({ SessionId }));
          case 'resume':
            return client.send(new ResumeSessionCommand({ SessionId }));
          default: {
            const request = signedUpgrade(keys, SessionId!);
            const answer = rig.sandbox.authorizeDataChannel(
              request,
              rig.sandbox.registry.get(SessionId!)!,
            );
            if (typeof answer === 'object' && 'error' in answer) throw new Error(answer.error);
            return answer;
          }
        }
      };
      if (statements === STATEMENTS) await attempt();
      else await expect(attempt()).rejects.toThrow(/is not authorized to perform: ssm/);
    }
  });

  it.each([
    ['session/${aws:userid}-*', true],
    ['session/${aws:username}-*', true],
    ['session/bob-*', false],
  ])('may narrow the data channel to %s: %s', async (resource, allowed) => {
    const narrow = changed('OwnDataChannel', () => ({
      Resource: `arn:aws:ssm:us-east-1:${ACCOUNT}:${resource}`,
    }));
    const rig = await startWith(narrow);
    const keys = await rig.mfaKeys();
    const { SessionId } = await rig.session(keys);
    const session = rig.sandbox.registry.get(SessionId!)!;
    const answer = rig.sandbox.authorizeDataChannel(signedUpgrade(keys, SessionId!), session);
    if (allowed) expect(answer).toMatchObject({ identity: { name: 'alice' } });
    else
      expect(answer).toEqual({ error: expect.stringMatching(/OpenDataChannel on res/) as string });
  });
});

/** The WebSocket upgrade of a data channel, as the client signs it. */
function signedUpgrade(keys: Keys, sessionId: string): IncomingMessage {
  const path = `/v1/data-channel/${sessionId}?role=publish_subscribe`;
  const url = new URL(path, 'ws://127.0.0.1');
  const headers = signedUpgradeHeaders(url, 'us-east-1', keys);
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = path;
  request.rawHeaders = Object.entries({ host: url.host, ...headers }).flat();
  return request;
}
