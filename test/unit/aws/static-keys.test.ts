import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromIni } from '@aws-sdk/credential-provider-ini';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { staticKeys } from '../../../src/aws/static-keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'devaccess-static-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));
const files = {
  AWS_CONFIG_FILE: join(folder, 'config'),
  AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
};

const SETTINGS = {
  aws_access_key_id: 'AKIAOPEN',
  aws_secret_access_key: 'secret',
  aws_session_token: 'token',
  aws_account_id: '123456789012',
  role_arn: 'arn:aws:iam::123456789012:role/admin',
  source_profile: 'work',
  credential_source: 'Environment',
};
const section = fc
  .subarray(Object.entries(SETTINGS))
  .map((settings) => settings.map(([name, value]) => `${name} = ${value}\n`).join(''));

describe('keys that lie open', () => {
  it('are those of a profile whenever the SDK takes them, and never else', async () => {
    await fc.assert(
      fc.asyncProperty(section, section, async (config, credentials) => {
        writeFileSync(files.AWS_CONFIG_FILE, `[profile work]\n${config}`);
        writeFileSync(files.AWS_SHARED_CREDENTIALS_FILE, `[work]\n${credentials}`);
        const sdk = fromIni({
          profile: 'work',
          filepath: files.AWS_SHARED_CREDENTIALS_FILE,
          configFilepath: files.AWS_CONFIG_FILE,
          ignoreCache: true,
          roleAssumer: () => Promise.reject(new Error('a role')),
        })().then(
          (keys) => ({ sessionToken: undefined, ...keys, $source: undefined }),
          () => undefined,
        );
        const own = staticKeys('work', files);
        expect(own && { sessionToken: undefined, ...own }).toEqual(await sdk);
      }),
    );
  });

  it('are those of the environment where no profile is named, and of AWS_PROFILE where one is', () => {
    const keys = '[default]\naws_access_key_id=D\naws_secret_access_key=d\n';
    writeFileSync(files.AWS_CONFIG_FILE, '');
    writeFileSync(files.AWS_SHARED_CREDENTIALS_FILE, `${keys}${keys.replace('default', 'work')}`);
    const env = {
      ...files,
      AWS_ACCESS_KEY_ID: 'E',
      AWS_SECRET_ACCESS_KEY: 'e',
      AWS_SESSION_TOKEN: 't',
      AWS_CREDENTIAL_EXPIRATION: '2030-01-01T00:00:00Z',
    };
    expect(staticKeys(undefined, env)).toEqual({
      accessKeyId: 'E',
      secretAccessKey: 'e',
      sessionToken: 't',
      expiration: new Date('2030-01-01T00:00:00Z'),
    });
    expect(staticKeys(undefined, { ...env, AWS_SECRET_ACCESS_KEY: '' })).toBeUndefined();
    expect(staticKeys('work', env)).toEqual({ accessKeyId: 'D', secretAccessKey: 'd' });
    expect(staticKeys(undefined, { ...env, AWS_PROFILE: 'work' })?.accessKeyId).toBe('D');
    expect(staticKeys(undefined, files)?.accessKeyId).toBe('D');
    expect(staticKeys('other', env)).toBeUndefined();
  });
});
