import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  EnableMFADeviceCommand,
  IAMClient,
  ListAccessKeysCommand,
  ResyncMFADeviceCommand,
  SimulatePrincipalPolicyCommand,
} from '@aws-sdk/client-iam';
import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  DescribeSessionsCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  ListTagsForResourceCommand,
  ResumeSessionCommand,
  SendCommandCommand,
  SSMClient,
  StartSessionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-ssm';
import { GetSessionTokenCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerPolicy } from '../../src/iam/generated-policy.ts';
import type { PolicyStatement } from '../../src/iam/policy/policy-document.ts';
import { signedUpgradeHeaders } from '../../src/session/transport/sign-upgrade.ts';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { keysOf } from './sandbox-api/clients.ts';
import type { Keys } from './sandbox-api/clients.ts';
import { Person } from './support/person.ts';

const ALICE = 'arn:aws:iam::123456789012:user/alice';
const PREFERENCES = 'arn:aws:ssm:us-east-1:123456789012:document/SSM-SessionManagerRunShell';

const POLICY = callerPolicy({
  account: '123456789012',
  regions: ['us-east-1'],
  kind: 'user',
  name: 'devaccess',
  features: ['ssh', 'shell', 'run-command', 'trust', 'rotate-keys', 'enroll-mfa'],
  documents: [],
  tags: ['Environment=sandbox'],
  targets: [],
  kmsKeys: [],
  osUser: undefined,
  trusted: [],
  mfaAgeS: 43_200,
  strict: false,
});
const STATEMENTS = POLICY.policies.flatMap(({ Statement }) => [...Statement]);
/** Another policy that is too generous, which the guards are there for. */
const GENEROUS = {
  Effect: 'Allow',
  Action: ['ssm:UpdateDocument', 'iam:TagUser', 'iam:SimulatePrincipalPolicy'],
  Resource: '*',
};

let alice: Person;
let withMfa: Keys;
let longTerm: Keys;
beforeAll(async () => {
  alice = await Person.arrive();
  await alice.startDay();
  const { sandbox } = alice.aws;
  sandbox.user.attachedPolicies.clear();
  longTerm = sandbox.accessKey;
  const sts = new STSClient(settings(longTerm));
  const { serialNumber } = sandbox.mfaDevice;
  // Her code of the morning is spent: the session is made as the sandbox makes one.
  const device = sandbox.user.mfaDevices[0]!;
  device.driftSteps = 1;
  const { totpCode } = await import('../../src/sandbox/totp.ts');
  const TokenCode = totpCode(device, Date.now() + 30_000);
  withMfa = keysOf(
    await sts.send(new GetSessionTokenCommand({ SerialNumber: serialNumber, TokenCode })),
  );
  device.driftSteps = 0;
});
afterAll(() => alice.leave());

const settings = ({ accessKeyId, secretAccessKey, sessionToken }: Keys) => ({
  endpoint: alice.aws.sandbox.endpoint,
  region: 'us-east-1',
  credentials: {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
  },
  maxAttempts: 1,
});

function give(...statements: readonly object[]): void {
  alice.aws.sandbox.user.inlinePolicies.set('devaccess', policyOf([...statements]));
}

/** What people do, as the calls that it takes; each tells the action that was refused. */
const JOBS = {
  'start ssh': () => start('AWS-StartSSHSession'),
  'start a shell': () => start('SSM-SessionManagerRunShell'),
  'open a stream': () => {
    const { sandbox } = alice.aws;
    const session = ownSession();
    const answer = sandbox.authorizeDataChannel(signedUpgrade(session.sessionId), session);
    const isRefused = typeof answer === 'object' && 'error' in answer;
    return isRefused ? Promise.reject(new Error(answer.error)) : Promise.resolve();
  },
  'resume a session': () =>
    ssm().send(new ResumeSessionCommand({ SessionId: ownSession().sessionId })),
  'end a session': () =>
    ssm().send(new TerminateSessionCommand({ SessionId: ownSession().sessionId })),
  'find servers': async () => {
    await ec2().send(new DescribeInstancesCommand({}));
    await ssm(longTerm).send(new DescribeInstanceInformationCommand({}));
    await ssm(longTerm).send(new DescribeSessionsCommand({ State: 'Active' }));
  },
  'tell hybrid nodes by their tags': () =>
    toAnswer(
      ssm(longTerm).send(
        new ListTagsForResourceCommand({
          ResourceType: 'ManagedInstance',
          ResourceId: 'mi-0123456789abcdef0',
        }),
      ),
    ),
  'send a command': () => sendCommand(),
  'read its output': async () => {
    await toAnswer(
      ssm().send(
        new GetCommandInvocationCommand({
          CommandId: '00000000-0000-0000-0000-000000000000',
          InstanceId: alice.bastionId,
        }),
      ),
    );
    await ssm().send(new ListCommandInvocationsCommand({}));
    await toAnswer(
      ssm().send(new CancelCommandCommand({ CommandId: '00000000-0000-0000-0000-000000000000' })),
    );
  },
  'rotate keys': () => iam().send(new ListAccessKeysCommand({ UserName: 'alice' })),
  'enrol the first device': () => toAnswer(iam(longTerm).send(new EnableMFADeviceCommand(codes()))),
  'set its clock right': () => toAnswer(iam().send(new ResyncMFADeviceCommand(codes()))),
  'be kept from the preferences': () => refused('ssm:UpdateDocument', PREFERENCES),
  'be kept from Run As': () => refused('iam:TagUser', ALICE),
} satisfies Record<string, () => Promise<unknown>>;

type Job = keyof typeof JOBS;

/** What breaks without a statement; `devaccess iam policy --explain` says it in words. */
const BREAKS: Readonly<Record<string, { jobs: readonly Job[]; says: RegExp }>> = {
  StartOnTaggedNodes: {
    jobs: ['start ssh', 'start a shell'],
    says: /^No session starts on nodes with the tag: AccessDenied for StartSession\.$/,
  },
  SessionDocuments: {
    jobs: ['start ssh', 'start a shell'],
    says: /^AccessDenied for the document, so none of these: ssh.*; devaccess shell\.$/,
  },
  OwnDataChannel: { jobs: ['open a stream'], says: /stream does not open/ },
  // By name it is allowed as well.
  OwnSessions: { jobs: [], says: /unless OwnSessionsByName allows it\.$/ },
  OwnSessionsByName: { jobs: [], says: /^Nothing where sessions have their tag/ },
  Discover: { jobs: ['find servers'], says: /hosts sync.*sessions list are refused/ },
  HybridTags: {
    jobs: ['tell hybrid nodes by their tags'],
    says: /without their tags, and says so/,
  },
  SendToTaggedNodes: { jobs: ['send a command'], says: /AccessDenied for SendCommand on nodes/ },
  SendShellScripts: { jobs: ['send a command'], says: /AccessDenied for the document AWS-Run/ },
  CommandResults: {
    jobs: ['read its output'],
    says: /commands run, and their output is never seen/,
  },
  OwnKeys: { jobs: ['rotate keys'], says: /rotate-keys is refused/ },
  FirstDevice: { jobs: ['enrol the first device'], says: /enroll-mfa is refused/ },
  OwnDevice: { jobs: ['set its clock right'], says: /A new phone needs an administrator/ },
  NoPreferenceChanges: {
    jobs: ['be kept from the preferences'],
    says: /^Nothing stops working\. With another policy/,
  },
  NoRunAsChanges: { jobs: ['be kept from Run As'], says: /^Nothing stops working\. With another/ },
};

/** Clients are made once: most of the time of a call goes into making one. */
const clients = new Map<string, object>();
function once<Client extends object>(name: string, keys: Keys, make: () => Client): Client {
  const key = `${name} ${keys.accessKeyId}`;
  const client = (clients.get(key) ?? make()) as Client;
  clients.set(key, client);
  return client;
}
const ssm = (keys = withMfa) => once('ssm', keys, () => new SSMClient(settings(keys)));
const iam = (keys = withMfa) => once('iam', keys, () => new IAMClient(settings(keys)));
const ec2 = () => once('ec2', longTerm, () => new EC2Client(settings(longTerm)));
const codes = () => ({
  UserName: 'alice',
  SerialNumber: 'arn:aws:iam::123456789012:mfa/alice',
  AuthenticationCode1: '000000',
  AuthenticationCode2: '111111',
});

async function start(DocumentName: string): Promise<void> {
  await ssm().send(new StartSessionCommand({ Target: alice.bastionId, DocumentName }));
}

function ownSession() {
  const { registry, user } = alice.aws.sandbox;
  return registry.start({
    target: alice.bastionId,
    documentName: 'AWS-StartSSHSession',
    parameters: { portNumber: ['22'] },
    ownerArn: ALICE,
    ownerUserId: user.userId,
    ownerName: 'alice',
  });
}

async function sendCommand(): Promise<void> {
  await ssm().send(
    new SendCommandCommand({
      DocumentName: 'AWS-RunShellScript',
      InstanceIds: [alice.bastionId],
      Parameters: { commands: ['true'] },
    }),
  );
}

function signedUpgrade(sessionId: string): IncomingMessage {
  const path = `/v1/data-channel/${sessionId}?role=publish_subscribe`;
  const url = new URL(path, 'ws://127.0.0.1');
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = path;
  const headers = signedUpgradeHeaders(url, 'us-east-1', withMfa);
  request.rawHeaders = Object.entries({ host: url.host, ...headers }).flat();
  return request;
}

/** Allowed, and then refused for what it is about, which is nothing. */
async function toAnswer(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if ((error as Error).name.includes('AccessDenied')) throw error;
  });
}

/** A guard holds, whatever another policy allows. */
async function refused(action: string, resource: string): Promise<void> {
  const { EvaluationResults: results } = await iam().send(
    new SimulatePrincipalPolicyCommand({
      PolicySourceArn: ALICE,
      ActionNames: [action],
      ResourceArns: [resource],
      ContextEntries: [
        {
          ContextKeyName: 'aws:TagKeys',
          ContextKeyType: 'stringList',
          ContextKeyValues: ['SSMSessionRunAs'],
        },
      ],
    }),
  );
  if (results?.[0]?.EvalDecision !== 'explicitDeny') throw new Error('AccessDenied by nobody');
}

async function broken(statements: readonly PolicyStatement[]): Promise<Job[]> {
  give(GENEROUS, ...statements);
  const jobs: Job[] = [];
  for (const job of Object.keys(JOBS) as Job[]) {
    try {
      await JOBS[job]();
    } catch (error) {
      const text = `${(error as Error).name} ${(error as Error).message}`;
      expect(text).toMatch(/AccessDenied|UnauthorizedOperation|not authorized to perform/);
      jobs.push(job);
    }
  }
  return jobs;
}

describe('the generated policy', () => {
  it('lets all jobs through, and none without any of it', async () => {
    expect(await broken(STATEMENTS)).toEqual([]);
    expect(await broken([])).toEqual(Object.keys(JOBS));
  });

  it('has no statement whose absence is not told', () => {
    expect(STATEMENTS.map(({ Sid }) => Sid).sort()).toEqual(Object.keys(BREAKS).sort());
  });

  it.each(Object.entries(BREAKS))('without %s breaks just this', async (sid, { jobs, says }) => {
    const left = STATEMENTS.filter(({ Sid }) => Sid !== sid);
    expect(await broken(left)).toEqual(jobs);
    const told = POLICY.statements.find(({ statement }) => statement.Sid === sid)!;
    expect(told.without).toMatch(says);
  });

  it('without both ways to one’s own sessions lets nobody resume or end one', async () => {
    const left = STATEMENTS.filter(({ Sid }) => !Sid.startsWith('OwnSessions'));
    expect(await broken(left)).toEqual(['resume a session', 'end a session']);
  });
});

describe('the main job with the generated policy alone', () => {
  it('goes through, by real programs', async () => {
    give(...STATEMENTS);
    const sync = await alice.run('devaccess', ['hosts', 'sync']);
    expect([sync.code, sync.stderr]).toEqual([0, expect.any(String)]);
    const ssh = await alice.run('ssh', ['someserver', 'echo', 'through']);
    expect(ssh.stdout.toString()).toBe('through\n');
  });

  it.each([
    ['StartOnTaggedNodes', /ssm:StartSession.*instance\/i-|DA_ACCESS_DENIED/],
    ['SessionDocuments', /DA_ACCESS_DENIED|DA_DOCUMENT/],
    ['OwnDataChannel', /HTTP 403 \[DA_GATEWAY\] Next: allow ssmmessages:OpenDataChannel in IAM/],
  ])('without %s ssh does not get through, and says why', async (sid, says) => {
    give(...STATEMENTS.filter(({ Sid }) => Sid !== sid));
    const ssh = await alice.run('ssh', ['bastion', 'true']);
    expect(ssh.code).toBe(255);
    expect(ssh.stderr).toMatch(says);
  });
});
