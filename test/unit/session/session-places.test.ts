import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, describe, expect, it } from 'vitest';
import { sessionPlaces } from '../../../src/session/session-places.ts';

const folder = mkdtempSync(join(tmpdir(), 'devaccess-places-'));
afterAll(() => rmSync(folder, { recursive: true }));
const files = {
  AWS_CONFIG_FILE: join(folder, 'config'),
  AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
};

function places(
  env: Record<string, string>,
  { config = '', credentials = '', profile = undefined as string | undefined } = {},
) {
  writeFileSync(files.AWS_CONFIG_FILE, config);
  writeFileSync(files.AWS_SHARED_CREDENTIALS_FILE, credentials);
  return sessionPlaces({ profile, region: undefined, env: { ...env, ...files } });
}

/** One region of each partition, and of each form of a name. */
const REGIONS = [
  ...['us-east-1', 'eu-central-1', 'ap-southeast-7', 'mx-central-1', 'il-central-1', 'af-south-1'],
  ...['cn-north-1', 'cn-northwest-1', 'us-gov-west-1', 'us-gov-east-1', 'us-iso-east-1'],
  ...['us-isob-east-1', 'eu-isoe-west-1', 'us-isof-south-1', 'eusc-de-east-1'],
];

describe('where a session goes', () => {
  it('is where the SDK would go, for every partition and kind of endpoint', () => {
    const { endpointProvider } = new SSMClient({ region: 'us-east-1' }).config;
    for (const Region of REGIONS) {
      for (const UseFIPS of [false, true]) {
        for (const UseDualStack of [false, true]) {
          const env = {
            AWS_REGION: Region,
            AWS_USE_FIPS_ENDPOINT: String(UseFIPS),
            AWS_USE_DUALSTACK_ENDPOINT: String(UseDualStack),
          };
          const { url } = endpointProvider({ Region, UseFIPS, UseDualStack });
          expect(places(env).api.href, JSON.stringify(env)).toBe(url.href);
        }
      }
    }
  });

  it('has the region of the variables, else of the profile, in which the credentials file wins', () => {
    const config = '[profile work]\nregion = eu-west-1\n[default]\nregion=us-east-2\n';
    const both = { config, credentials: '[default]\nregion = eu-north-1\n' };
    expect(places({}, both).region).toBe('eu-north-1');
    expect(places({ AWS_PROFILE: 'work' }, both).region).toBe('eu-west-1');
    expect(places({}, { ...both, profile: 'work' }).region).toBe('eu-west-1');
    expect(places({ AWS_DEFAULT_REGION: 'eu-west-3' }, both).region).toBe('eu-west-3');
    expect(places({ AWS_REGION: 'fips-us-east-1' }).api.host).toBe(
      'ssm-fips.us-east-1.amazonaws.com',
    );
    expect(() => places({})).toThrow(expect.objectContaining({ code: 'DA_NO_REGION' }));
    for (const region of ['nowhere', 'evil.com/#', 'us-east-1.evil.com']) {
      expect(() => places({ AWS_REGION: region })).toThrow(
        expect.objectContaining({ code: 'DA_USAGE' }),
      );
    }
  });

  it('is moved by variables, and by the services section and endpoint of the profile', () => {
    const config =
      '[default]\nregion = eu-west-1\nendpoint_url = https://all.example\nservices = mine\n' +
      '[services mine]\nssm =\n  endpoint_url = https://ssm.example:8443\n';
    const hosts = (env: Record<string, string>, text = config) => {
      const { api, gateway } = places(env, { config: text });
      return [api.host, gateway?.host];
    };
    expect(hosts({})).toEqual(['ssm.example:8443', 'all.example']);
    expect(hosts({ AWS_ENDPOINT_URL: 'https://env.example' })).toEqual([
      'env.example',
      'env.example',
    ]);
    expect(hosts({ AWS_ENDPOINT_URL_SSMMESSAGES: 'https://gw.example' })).toEqual([
      'ssm.example:8443',
      'gw.example',
    ]);
    expect(hosts({ AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' })).toEqual([
      'ssm.eu-west-1.amazonaws.com',
      'ssmmessages.eu-west-1.amazonaws.com',
    ]);
    const dualStack = '[default]\nregion = eu-west-1\nuse_dualstack_endpoint = true\n';
    expect(hosts({}, dualStack)).toEqual([
      'ssm.eu-west-1.api.aws',
      'ssmmessages.eu-west-1.api.aws',
    ]);
  });

  it.each([
    [
      'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = True',
      { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'True' },
      '',
    ],
    ['the setting of the profile', {}, 'ignore_configured_endpoint_urls = true\n'],
  ])('is where AWS has it with %s', (_what, env, setting) => {
    const config = `[default]\nregion = eu-west-1\nendpoint_url = https://all.example\n${setting}`;
    const found = places({ AWS_ENDPOINT_URL_SSM: 'https://ssm.example', ...env }, { config });
    expect(found.api.host).toBe('ssm.eu-west-1.amazonaws.com');
  });

  it('tells a profile that is missing from one without a region', () => {
    const config = '[profile mine]\noutput = json\n';
    const asked = (name: string) => (): unknown => places({ AWS_PROFILE: name }, { config });
    expect(asked('mine')).toThrow(expect.objectContaining({ code: 'DA_NO_REGION' }));
    expect(asked('mien')).toThrow(expect.objectContaining({ code: 'DA_NO_PROFILE' }));
  });

  it.each([
    [{ AWS_ENDPOINT_URL_SSM: 'no address' }],
    [{ AWS_ENDPOINT_URL: 'https://x.example', AWS_USE_FIPS_ENDPOINT: 'true' }],
    [{ AWS_USE_FIPS_ENDPOINT: 'yes' }],
  ])('is refused for %o', (env) => {
    const asked = (): unknown => places({ AWS_REGION: 'us-east-1', ...env });
    expect(asked).toThrow(expect.objectContaining({ code: 'DA_ENDPOINT' }));
  });
});
