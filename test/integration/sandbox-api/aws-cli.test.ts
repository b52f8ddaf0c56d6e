import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';

const installed = spawnSync('aws', ['--version']).status === 0;

/**
 * A client that shares nothing with this project: where it is installed, it must be content. Each call
 * takes a second of work; what can be asked in more ways is asked by SDK and boto3 beside this file.
 */
describe.skipIf(!installed)('the AWS CLI against the sandbox', () => {
  let folder: string;
  let sandbox: Sandbox;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devaccess-sandbox-'));
    sandbox = await startSandbox({ stateDir: folder });
  });
  afterEach(async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });

  const aws = async (command: string, environment: Record<string, string>): Promise<unknown> => {
    const { stdout } = await promisify(execFile)('aws', [...command.split(' '), '--output=json'], {
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        AWS_PAGER: '',
        AWS_MAX_ATTEMPTS: '1',
        ...sandbox.environment,
        ...environment,
      },
    });
    return stdout === '' ? undefined : JSON.parse(stdout);
  };

  it('goes through a morning: who am I, a code, instances, a session', async () => {
    const longTerm = { AWS_PROFILE: 'default-long-term' };
    expect(await aws('sts get-caller-identity', longTerm)).toMatchObject({
      Arn: 'arn:aws:iam::123456789012:user/alice',
    });
    await expect(aws('iam list-server-certificates', longTerm)).rejects.toThrow(
      /\(InvalidAction\)/,
    );

    const code = `--serial-number ${sandbox.mfaDevice.serialNumber} --token-code ${sandbox.mfaCode()}`;
    const { Credentials } = (await aws(`sts get-session-token ${code}`, longTerm)) as {
      Credentials: { AccessKeyId: string; SecretAccessKey: string; SessionToken: string };
    };
    const session = {
      AWS_ACCESS_KEY_ID: Credentials.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: Credentials.SecretAccessKey,
      AWS_SESSION_TOKEN: Credentials.SessionToken,
    };
    expect(await aws('iam get-user', session)).toMatchObject({ User: { UserName: 'alice' } });

    const query = 'Reservations[].Instances[].InstanceId';
    expect(await aws(`ec2 describe-instances --page-size 5 --query ${query}`, session)).toEqual(
      sandbox.account.instances.map(({ instanceId }) => instanceId),
    );
    const tags = '--tags Key=Site,Value=Berlin --expiration-date 2099-01-01T00:00:00Z';
    const activation = 'ssm create-activation --iam-role devaccess-hybrid-nodes';
    await expect(aws(`${activation} ${tags}`, session)).rejects.toThrow(/\(InvalidParameters\)/);
    expect(await aws(`${activation} --registration-limit 3`, session)).toMatchObject({
      ActivationCode: expect.stringMatching(/^[\w+/]{20}$/) as string,
    });
    const target = sandbox.account.nodes[0]!.instanceId;
    expect(await aws(`ssm get-connection-status --target ${target}`, session)).toEqual({
      Target: target,
      Status: 'connected',
    });
    await expect(
      aws(`ssm start-session --target ${target} --document-name AWS-StartSSHSession`, longTerm),
    ).rejects.toThrow(/\(AccessDeniedException\).*because no identity-based policy allows/);
  });

  it('assumes a role with a code, disables a key, and is refused with it', async () => {
    const longTerm = { AWS_PROFILE: 'default-long-term' };
    const code = `--serial-number ${sandbox.mfaDevice.serialNumber} --token-code ${sandbox.mfaCode()}`;
    const role =
      '--role-session-name cli --role-arn arn:aws:iam::123456789012:role/devaccess-admin';
    const admin = `sts assume-role ${role} ${code} --duration-seconds 43200`;
    expect(await aws(admin, longTerm)).toMatchObject({
      AssumedRoleUser: { Arn: 'arn:aws:sts::123456789012:assumed-role/devaccess-admin/cli' },
      Credentials: { AccessKeyId: expect.stringMatching(/^ASIA/) as string },
    });
    const { accessKeyId } = sandbox.accessKey;
    const disable = `iam update-access-key --status Inactive --access-key-id ${accessKeyId}`;
    expect(await aws(disable, longTerm)).toBeUndefined();
    await expect(aws('sts get-caller-identity', longTerm)).rejects.toThrow(
      /\(InvalidClientTokenId\)/,
    );
  });
});
