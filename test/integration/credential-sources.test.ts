import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccountHolder, role } from './support/account-holder.ts';
import { startStsDouble } from './sts-double.ts';

let alice: AccountHolder;
const servers: Server[] = [];
beforeEach(async () => {
  alice = await AccountHolder.arrive();
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await alice.leave();
});

/** A service that answers each request with what `answer` gives for it. */
async function double(
  answer: (request: IncomingMessage) => string,
): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('content-type', 'application/json').end(answer(request));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** The access key id a command sees, or what went wrong. */
async function keyOf(profile: string, extra: Record<string, string> = {}): Promise<string> {
  const show = [process.execPath, '-p', 'process.env.AWS_ACCESS_KEY_ID'];
  const args = ['exec', '--profile', profile, '--', ...show];
  const { stdout, stderr } = await alice.run(args, extra);
  return stdout.trim() || stderr;
}

const later = (ms: number): number => Date.now() + ms;

describe('the sources of a profile', () => {
  it('may be IAM Identity Center; its credentials are kept while the sign-in lasts', async () => {
    alice.writeConfig(
      '[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n' +
        '[sso-session corp]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\n',
    );
    const portal = await double(() =>
      JSON.stringify({
        roleCredentials: {
          accessKeyId: 'ASIAFROMPORTAL000000',
          secretAccessKey: 's',
          sessionToken: 't',
          expiration: later(3_600_000),
        },
      }),
    );
    const extra = { AWS_ENDPOINT_URL_SSO: portal.url };
    expect(await keyOf('work', extra)).toContain(
      'The IAM Identity Center session of profile work has ended or was never begun ' +
        '[DA_NO_CREDENTIALS] Next: run aws sso login --profile work',
    );
    const cache = join(alice.home, '.aws', 'sso', 'cache');
    const tokenFile = join(cache, `${createHash('sha1').update('corp').digest('hex')}.json`);
    mkdirSync(cache, { recursive: true });
    const expiresAt = new Date(later(3_600_000)).toISOString();
    writeFileSync(tokenFile, JSON.stringify({ accessToken: 'token', expiresAt }));
    expect(await keyOf('work', extra)).toBe('ASIAFROMPORTAL000000');
    expect(await keyOf('work', extra)).toBe('ASIAFROMPORTAL000000');
    expect(portal.asked).toHaveLength(1);
    rmSync(tokenFile);
    expect(await keyOf('work', extra)).toContain('[DA_NO_CREDENTIALS]');
  });

  it('may be a process; what it says when it fails stays with it', async () => {
    const answer = { Version: 1, AccessKeyId: 'ASIAFROMPROCESS00000', SecretAccessKey: 's' };
    const file = join(alice.home, 'answer.json');
    writeFileSync(file, JSON.stringify(answer));
    alice.writeConfig(
      `[profile works]\ncredential_process = cat ${file}\n` +
        `[profile fails]\ncredential_process = sh -c 'echo hunter2 >&2; exit 1'\n` +
        `[profile odd]\ncredential_process = echo nothing\n`,
    );
    expect(await keyOf('works')).toBe('ASIAFROMPROCESS00000');
    for (const profile of ['fails', 'odd']) {
      expect(await keyOf(profile)).toBe(
        `devaccess: The credential_process of profile ${profile} failed [DA_CREDENTIAL_PROCESS] ` +
          'Next: run its command by hand to see why\n',
      );
    }
  });

  it('may be a web identity', async () => {
    const sts = await startStsDouble();
    const token = join(alice.home, 'token');
    writeFileSync(token, 'jwt');
    alice.writeConfig(
      `[profile pod]\nrole_arn = ${role('admin')}\nweb_identity_token_file = ${token}\nregion = us-east-1\n`,
    );
    const key = await keyOf('pod', { AWS_ENDPOINT_URL: sts.url });
    sts.close();
    expect(key).toBe(sts.session.accessKeyId);
    expect(sts.calls[0]).toMatchObject({ Action: 'AssumeRoleWithWebIdentity' });
  });

  it('may be the instance, by itself or for a role', async () => {
    const metadata = await double(({ url = '' }) => {
      if (url.endsWith('/token')) return 'token';
      if (url.endsWith('/security-credentials/')) return 'instance-role';
      return JSON.stringify({
        Code: 'Success',
        AccessKeyId: 'ASIAOFINSTANCE000000',
        SecretAccessKey: 's',
        Token: 't',
        Expiration: new Date(later(3_600_000)).toISOString(),
      });
    });
    const sts = await startStsDouble();
    alice.writeConfig(
      `[profile machine]\nregion = us-east-1\n` +
        `[profile role]\nrole_arn = ${role('admin')}\ncredential_source = Ec2InstanceMetadata\n`,
    );
    const extra = {
      AWS_EC2_METADATA_DISABLED: 'false',
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
      AWS_ENDPOINT_URL: sts.url,
    };
    expect(await keyOf('machine', extra)).toBe('ASIAOFINSTANCE000000');
    expect(await keyOf('role', extra)).toBe(sts.session.accessKeyId);
    sts.close();
    expect(sts.calls[0]).toMatchObject({ Action: 'AssumeRole', RoleSessionName: 'alice' });
  });

  it('is not replaced by the instance where it fails', async () => {
    const metadata = await double(() => 'token');
    alice.writeConfig(
      `[profile fails]\ncredential_process = false\n` +
        `[profile role]\nrole_arn = ${role('admin')}\nsource_profile = nowhere\n`,
    );
    const extra = {
      AWS_EC2_METADATA_DISABLED: 'false',
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    };
    expect(await keyOf('fails', extra)).toContain('[DA_CREDENTIAL_PROCESS]');
    expect(await keyOf('role', extra)).toContain(
      'Profile nowhere, which profile role starts from, has no credentials',
    );
    expect(metadata.asked).toEqual([]);
  });
});
