import { EC2Client } from '@aws-sdk/client-ec2';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { SSMClient, StartSessionCommand } from '@aws-sdk/client-ssm';
import { GetSessionTokenCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, expect } from 'vitest';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import type { Sandbox, SandboxOptions } from '../../../src/sandbox/sandbox.ts';

export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Sandboxes that are closed after each test. */
export const running: Sandbox[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((sandbox) => sandbox.close()));
});

/** A sandbox and the means to use it; its clock stands at `clock.nowMs`, the clients' with it. */
export async function start(options: SandboxOptions = {}) {
  const clock = { nowMs: Date.now() };
  const sandbox = await startSandbox({ now: () => clock.nowMs, ...options });
  running.push(sandbox);
  const { accessKeyId, secretAccessKey } = sandbox.accessKey;
  const longTerm: Keys = { accessKeyId, secretAccessKey };
  const config = (credentials: Keys, region = sandbox.account.region) => ({
    endpoint: sandbox.endpoint,
    region,
    credentials,
    maxAttempts: 1,
    systemClockOffset: clock.nowMs - Date.now(),
  });
  const sts = (keys: Keys = longTerm): STSClient => new STSClient(config(keys));
  const ssm = (keys: Keys, region?: string): SSMClient => new SSMClient(config(keys, region));
  const ec2 = (keys: Keys = longTerm, region?: string): EC2Client =>
    new EC2Client(config(keys, region));
  const kms = (keys: Keys = longTerm): KMSClient => new KMSClient(config(keys));
  const { administrator } = sandbox;
  const admin: Keys = {
    accessKeyId: administrator.accessKeyId,
    secretAccessKey: administrator.secretAccessKey,
  };
  /** By default as the administrator. */
  const iam = (keys: Keys = admin): IAMClient => new IAMClient(config(keys));
  const mfa = () => ({
    SerialNumber: sandbox.mfaDevice.serialNumber,
    TokenCode: sandbox.mfaCode(),
  });
  const mfaKeys = async (): Promise<Keys> =>
    keysOf(await sts().send(new GetSessionTokenCommand(mfa())));
  const instance = (name: string) =>
    sandbox.account.instances.find(({ tags }) => tags.Name === name)!;
  const startSsh = (target = instance('bastion').instanceId): StartSessionCommand =>
    new StartSessionCommand({
      Target: target,
      DocumentName: 'AWS-StartSSHSession',
      Parameters: { portNumber: ['22'] },
    });
  const clients = { sts, ssm, ec2, kms, iam };
  return { sandbox, clock, longTerm, admin, ...clients, mfa, mfaKeys, instance, startSsh };
}

interface CredentialAnswer {
  Credentials?:
    | {
        AccessKeyId: string | undefined;
        SecretAccessKey: string | undefined;
        SessionToken: string | undefined;
        Expiration: Date | undefined;
      }
    | undefined;
}

export function keysOf({ Credentials }: CredentialAnswer): Keys {
  return {
    accessKeyId: Credentials!.AccessKeyId!,
    secretAccessKey: Credentials!.SecretAccessKey!,
    sessionToken: Credentials!.SessionToken!,
  };
}

/** What a client throws for an error answer: its code as name, the HTTP status, the message. */
export const failure = (name: string, status: number, message?: string | RegExp) =>
  expect.objectContaining({
    name,
    $metadata: expect.objectContaining({ httpStatusCode: status }) as unknown,
    ...(message === undefined ? {} : { message: expect.stringMatching(message) as unknown }),
  }) as Error;
