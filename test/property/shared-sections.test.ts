import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSharedConfigFiles } from '@smithy/core/config';
import * as fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { readSharedFiles } from '../../src/aws/files/shared-sections.ts';

const folder = mkdtempSync(join(tmpdir(), 'devaccess-sections-'));
afterAll(() => rmSync(folder, { recursive: true }));

const name = fc.constantFrom('default', 'work', 'a.b', 'x/y', '__proto__', 'two words', '');
const header = fc
  .tuple(
    fc.constantFrom(
      '',
      'profile ',
      'profile\t',
      'services ',
      'sso-session ',
      'services.',
      'other ',
    ),
    fc.constantFrom('', '"', "'"),
    name,
  )
  .map(([type, quote, each]) => `[${type}${quote}${each}${quote}]`);
const setting = fc
  .tuple(
    fc.constantFrom('', '', '  ', '\t'),
    fc.constantFrom('region', 'Region', 'ssm', 'endpoint_url', 'aws_access_key_id', 'a b', ''),
    fc.constantFrom('=', ' = ', ':', ' =', ''),
    fc.constantFrom('', 'eu-central-1', 'a=b', '"quoted"', 'value # not', 'value#kept', 'a ;b'),
  )
  .map((parts) => parts.join(''));
const text = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: header },
      { weight: 8, arbitrary: setting },
      fc.constantFrom(
        '',
        '# comment',
        '; comment',
        '[broken',
        '\ufeff[default]',
        '[] x',
        ' [work]',
      ),
      fc.string(),
    ),
  )
  .chain((lines) => fc.constantFrom('\n', '\r\n').map((end) => lines.join(end)));

it('reads both files as the SDK does', async () => {
  const paths = { config: join(folder, 'config'), credentials: join(folder, 'credentials') };
  const env = {
    AWS_CONFIG_FILE: paths.config,
    AWS_SHARED_CREDENTIALS_FILE: paths.credentials,
  };
  await fc.assert(
    fc.asyncProperty(text, text, async (config, credentials) => {
      writeFileSync(paths.config, config);
      writeFileSync(paths.credentials, credentials);
      const sdk = await loadSharedConfigFiles({
        filepath: paths.credentials,
        configFilepath: paths.config,
        ignoreCache: true,
      });
      const own = readSharedFiles(env);
      expect(Object.fromEntries(own.config)).toEqual(sdk.configFile);
      expect(Object.fromEntries(own.credentials)).toEqual(sdk.credentialsFile);
    }),
    { numRuns: 300 },
  );
});
