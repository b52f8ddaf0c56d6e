import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { instanceCredentials } from '../../../src/aws/instance-metadata.ts';
import type { MetadataListener } from '../../../src/sandbox/metadata/metadata-listener.ts';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';

const TTL = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN = 'x-aws-ec2-metadata-token';
const ROLES = 'latest/meta-data/iam/security-credentials/';

let sandbox: Sandbox;
let bastion: MetadataListener;
let other: MetadataListener;
const clock = { offsetMs: 0 };
beforeAll(async () => {
  sandbox = await startSandbox({ now: () => Date.now() + clock.offsetMs });
  const [first, second] = sandbox.account.instances;
  bastion = await sandbox.serveMetadata(first!.instanceId);
  other = await sandbox.serveMetadata(second!.instanceId);
});
afterAll(() => sandbox.close());
beforeEach(() => {
  clock.offsetMs = 0;
});

async function ask(
  { endpoint }: MetadataListener,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<[number, string]> {
  const answer = await fetch(endpoint + path, { method, headers });
  return [answer.status, await answer.text()];
}

async function token(of: MetadataListener, seconds = '60'): Promise<Record<string, string>> {
  const [, text] = await ask(of, 'PUT', 'latest/api/token', { [TTL]: seconds });
  return { [TOKEN]: text };
}

const environment = (): Record<string, string> => ({
  AWS_EC2_METADATA_SERVICE_ENDPOINT: bastion.endpoint,
});

describe('the metadata of an instance', () => {
  it('gives credentials of its role, which the services know', async () => {
    const found = await instanceCredentials(environment(), Date.now());
    const { instanceId, region } = sandbox.account.instances[0]!;
    expect(found).toMatchObject({ roleName: 'devaccess-instances', instanceId, region });
    const client = new STSClient({ region, endpoint: sandbox.endpoint, credentials: found });
    const { Arn } = await client.send(new GetCallerIdentityCommand());
    expect(Arn).toBe(`arn:aws:sts::123456789012:assumed-role/devaccess-instances/${instanceId}`);
    // The same to their end, and others before it.
    const again = await instanceCredentials(environment(), Date.now());
    expect(again.accessKeyId).toBe(found.accessKeyId);
    clock.offsetMs = 6 * 3_600_000 - 4 * 60_000;
    const later = await instanceCredentials(environment(), Date.now() + clock.offsetMs);
    expect(later.accessKeyId).not.toBe(found.accessKeyId);
  });

  it('asks for a token, which lasts as long as asked, on this instance', async () => {
    expect(await ask(bastion, 'GET', ROLES)).toEqual([401, 'Unauthorized']);
    const mine = await token(bastion);
    expect(await ask(bastion, 'GET', ROLES, mine)).toEqual([200, 'devaccess-instances']);
    expect(await ask(bastion, 'GET', `/${ROLES}`, mine)).toEqual([200, 'devaccess-instances']);
    expect(await ask(other, 'GET', ROLES, mine)).toEqual([401, 'Unauthorized']);
    clock.offsetMs = 60_000;
    expect(await ask(bastion, 'GET', ROLES, mine)).toEqual([401, 'Unauthorized']);
  });

  it.each([
    ['no time', {}, 400],
    ['too long a time', { [TTL]: '21601' }, 400],
    ['a proxy on the way', { [TTL]: '60', 'x-forwarded-for': '192.0.2.1' }, 403],
  ])('gives no token for %s', async (_name, headers, status) => {
    const [given] = await ask(bastion, 'PUT', 'latest/api/token', headers);
    expect(given).toBe(status);
  });

  it('knows who it is, and nothing that is not there', async () => {
    const mine = await token(bastion);
    const [, text] = await ask(bastion, 'GET', 'latest/dynamic/instance-identity/document', mine);
    expect(JSON.parse(text)).toMatchObject({ accountId: '123456789012', region: 'us-east-1' });
    expect((await ask(bastion, 'GET', `${ROLES}other`, mine))[0]).toBe(404);
    expect((await ask(bastion, 'POST', ROLES, mine))[0]).toBe(405);
    // Without an instance profile there is no role.
    expect((await ask(other, 'GET', ROLES, await token(other)))[0]).toBe(404);
    bastion.metadata.isEnabled = false;
    await expect(instanceCredentials(environment(), Date.now())).rejects.toThrow(
      expect.objectContaining({ code: 'DA_METADATA' }) as Error,
    );
    bastion.metadata.isEnabled = true;
  });
});
