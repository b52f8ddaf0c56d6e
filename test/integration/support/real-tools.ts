import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import {
  loadConfig,
  NODE_REGION_CONFIG_FILE_OPTIONS,
  NODE_REGION_CONFIG_OPTIONS,
} from '@smithy/core/config';
import { vi } from 'vitest';
import { QUIET_LOGGER } from '../../../src/aws/credential-chain.ts';

/** Environment and files that tools read. `$FOLDER` in a file is where the case lies. */
export interface ToolCase {
  env?: Record<string, string>;
  profile?: string;
  credentials?: string;
  config?: string;
}

/** What a tool made of a case, as far as all of them can tell. */
export interface Observed {
  kind: string;
  keys?: [id: string, secret: string, token: string | null];
  role?: string;
  from?: Observed;
  region?: string | null;
}

export const hasBoto3 = spawnSync('python3', ['-c', 'import botocore']).status === 0;

/** A `credential_process` of the case's folder gives these. */
export const PROCESS_KEYS = ['FROMPROCESS', 'process-secret', null] as const;

/** Runs cases with the files in a folder of their own. */
export class CaseFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'devaccess-tools-'));

  constructor() {
    const [AccessKeyId, SecretAccessKey] = PROCESS_KEYS;
    const json = JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey });
    writeFileSync(join(this.path, 'process'), `#!/bin/sh\necho '${json}'\n`, { mode: 0o755 });
    writeFileSync(join(this.path, 'token'), 'web-identity-token');
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }

  /** The case with its files written, as environment. */
  prepared({ env = {}, credentials = '', config = '' }: ToolCase): Record<string, string> {
    const filled = (text: string): string => text.replaceAll('$FOLDER', this.path);
    writeFileSync(join(this.path, 'credentials'), filled(credentials));
    writeFileSync(join(this.path, 'config'), filled(config));
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.path,
      AWS_SHARED_CREDENTIALS_FILE: join(this.path, 'credentials'),
      AWS_CONFIG_FILE: join(this.path, 'config'),
      AWS_EC2_METADATA_DISABLED: 'true',
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)])),
    };
  }

  /** The AWS SDK for JavaScript, in this process. */
  async javaScript(given: ToolCase): Promise<Observed> {
    const env = this.prepared(given);
    vi.stubGlobal(
      'process',
      new Proxy(process, {
        get: (of, name) => (name === 'env' ? env : (Reflect.get(of, name) as unknown)),
      }),
    );
    try {
      return await observeJavaScript(given.profile);
    } finally {
      vi.unstubAllGlobals();
    }
  }

  /** Botocore, all cases in one process. @param profileFirst the order of the AWS CLI v2 */
  botocore(cases: readonly ToolCase[]): Observed[] {
    const input = cases.map(({ env = {}, profile = null, credentials = '', config = '' }) => ({
      env,
      profile,
      credentials,
      config,
    }));
    const output = execFileSync('python3', ['-c', BOTOCORE, this.path], {
      input: JSON.stringify(input),
      maxBuffer: 64 * 1024 * 1024,
      env: { PATH: process.env['PATH'], HOME: this.path },
    });
    return JSON.parse(output.toString('utf8')) as Observed[];
  }
}

async function observeJavaScript(profile: string | undefined): Promise<Observed> {
  const seen: { role?: Observed; web?: string } = {};
  const marker = { accessKeyId: 'ASSUMED', secretAccessKey: 's' };
  const named = profile === undefined ? {} : { profile };
  const region = await loadConfig(NODE_REGION_CONFIG_OPTIONS, {
    ...NODE_REGION_CONFIG_FILE_OPTIONS,
    ...named,
    ignoreCache: true,
  })().catch(() => null);
  try {
    const got = await defaultProvider({
      ...named,
      ignoreCache: true,
      logger: QUIET_LOGGER,
      mfaCodeProvider: () => Promise.resolve('123456'),
      roleAssumer: (source, { RoleArn }) => {
        const from = seen.role ?? keysOf(source);
        seen.role = { kind: 'role', role: RoleArn, from };
        return Promise.resolve(marker);
      },
      roleAssumerWithWebIdentity: ({ RoleArn }) => {
        seen.role = { kind: 'web-identity', role: RoleArn };
        return Promise.resolve(marker);
      },
    })();
    return {
      ...(got.accessKeyId === marker.accessKeyId && seen.role ? seen.role : keysOf(got)),
      region,
    };
  } catch (error) {
    const text = error instanceof Error ? error.message : '';
    if (/SSO session|sso login/.test(text)) return { kind: 'identity-center', region };
    // Whatever fails, the SDK then looks at the machine, which has nothing here.
    return { kind: 'machine', region };
  }
}

function keysOf(got: {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}): Observed {
  const keys: [string, string, string | null] = [
    got.accessKeyId,
    got.secretAccessKey,
    got.sessionToken ?? null,
  ];
  return { kind: got.accessKeyId === PROCESS_KEYS[0] ? 'credential-process' : 'keys', keys };
}

/** Roles are not assumed: the fetcher that would do it is looked into. */
const BOTOCORE = `
import json, os, sys
import botocore.session, botocore.exceptions

folder = sys.argv[1]
base = dict(os.environ)

def fetcher(creds):
    refresh = creds._refresh_using
    # With MFA there is one around it that forbids a second code.
    return getattr(refresh, '_refresh', refresh).__self__

def observe(creds):
    if creds is None:
        return {'kind': 'machine'}
    method = creds.method
    if method == 'assume-role':
        f = fetcher(creds)
        return {'kind': 'role', 'role': f._role_arn, 'from': observe(f._source_credentials)}
    if method == 'assume-role-with-web-identity':
        return {'kind': 'web-identity', 'role': fetcher(creds)._role_arn}
    if method == 'sso':
        return {'kind': 'identity-center'}
    kind = 'credential-process' if method == 'custom-process' else 'keys'
    keys = [creds.access_key, creds.secret_key, creds.token]
    return {'kind': kind, 'keys': ['(block)' if isinstance(key, dict) else key for key in keys]}

answers = []
for case in json.load(sys.stdin):
    fill = lambda text: text.replace('$FOLDER', folder)
    for name in ('credentials', 'config'):
        with open(os.path.join(folder, name), 'w', encoding='utf-8', newline='') as file:
            file.write(fill(case[name]))
    os.environ.clear()
    os.environ.update(base)
    os.environ.update({
        'AWS_SHARED_CREDENTIALS_FILE': os.path.join(folder, 'credentials'),
        'AWS_CONFIG_FILE': os.path.join(folder, 'config'),
        'AWS_EC2_METADATA_DISABLED': 'true',
    })
    os.environ.update({name: fill(value) for name, value in case['env'].items()})
    region = None
    try:
        session = botocore.session.Session(profile=case['profile'])
        region = session.get_config_variable('region') or None
        answer = observe(session.get_credentials())
    except Exception as error:
        answer = {'kind': 'error', 'why': type(error).__name__ + ': ' + str(error)}
    answers.append({**answer, 'region': region})
json.dump(answers, sys.stdout)
`;
