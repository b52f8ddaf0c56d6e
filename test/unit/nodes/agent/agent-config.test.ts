import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { editAgentConfig, readAgentConfig } from '../../../../src/nodes/agent/agent-config.ts';
import {
  parseConfigChange,
  parseConfigRemoval,
} from '../../../../src/nodes/agent/config-change.ts';

let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'devaccess-agent-config-'));
  path = join(folder, 'amazon-ssm-agent.json');
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => rmSync(path, { force: true }));

const set = (...texts: string[]) =>
  editAgentConfig(path, texts.map(parseConfigChange), false, () => Promise.resolve());
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error;

/** As an editor of the agent leaves it: odd blanks, an unknown key, a number no double holds. */
const FILE = `{
\t"Profile" : {
\t\t"ShareCreds" : true,  "ForceUpdateCreds": true
\t},
\t"Future": {"Key": 12345678901234567890.50, "b": [1 ,2]},
\t"Mds": { "Endpoint": "" }
}
`;

async function warningIds(): Promise<string[]> {
  return (await readAgentConfig(path)).warnings.map(({ id }) => id);
}

describe('an edit of amazon-ssm-agent.json', () => {
  it('merges the asked keys alone', async () => {
    writeFileSync(path, FILE, { mode: 0o644 });
    const { diff, outcome } = await set('ShareProfile=ssm-agent', 'Profile.ShareCreds=false');
    expect(outcome).toBe('changed');
    expect(readFileSync(path, 'utf8')).toBe(
      FILE.replace('"ShareCreds" : true,', '"ShareCreds" : false,').replace(
        '"ForceUpdateCreds": true',
        '"ForceUpdateCreds": true,  "ShareProfile": "ssm-agent"',
      ),
    );
    expect(diff).toContain('+\t\t"ShareCreds" : false,');
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it('makes a missing file with the asked keys, for root alone', async () => {
    const { outcome } = await set('KeyAutoRotateDays=30');
    expect(outcome).toBe('created');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ Profile: { KeyAutoRotateDays: 30 } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('edits the key that the agent takes: without regard to case, the last of several', async () => {
    writeFileSync(path, '{"Profile": {"ShareProfile": "a"}, "PROFILE": {"shareprofile": "b"}}');
    await set('ShareProfile=c');
    expect(readFileSync(path, 'utf8')).toBe(
      '{"Profile": {"ShareProfile": "a"}, "PROFILE": {"shareprofile": "c"}}',
    );
  });

  it('removes a key, so that its default holds', async () => {
    writeFileSync(path, FILE);
    await editAgentConfig(path, [parseConfigRemoval('ForceUpdateCreds')], false);
    expect(readFileSync(path, 'utf8')).toBe(FILE.replace(',  "ForceUpdateCreds": true', ''));
  });

  it('shows what it would do, and writes nothing', async () => {
    const { diff, outcome } = await editAgentConfig(
      path,
      [parseConfigChange('ShareCreds=false')],
      true,
    );
    expect(outcome).toBe('created');
    expect(diff).toContain('+    "Profile": {');
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    ['ends in the middle', '{"Profile": {"ShareCreds": tr', 'DA_AGENT_CONFIG_PARTIAL'],
    ['ends in the middle', '{"Profile": {"ShareProfile": "ab', 'DA_AGENT_CONFIG_PARTIAL'],
    ['is empty', '', 'DA_AGENT_CONFIG_PARTIAL'],
    ['not JSON in line 2', '{\n  // no\n  "Mds": {}\n}', 'DA_AGENT_CONFIG'],
    ['byte order mark', '\ufeff{}', 'DA_AGENT_CONFIG'],
    ['no object', '[]', 'DA_AGENT_CONFIG'],
    ['profile is no object', '{"profile": "x"}', 'DA_AGENT_CONFIG'],
  ])('leaves a file alone that %s', async (what, text, code) => {
    writeFileSync(path, text);
    await expect(set('ShareProfile=x')).rejects.toEqual(refusal(code, new RegExp(what)));
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it.skipIf(process.getuid?.() === 0)('says that it may not read', async () => {
    writeFileSync(path, FILE);
    chmodSync(path, 0);
    await expect(readAgentConfig(path)).rejects.toEqual(
      refusal('DA_FILE_NOT_READABLE', /permission denied/),
    );
  });

  it('does not write through a link that leads into nothing', async () => {
    symlinkSync(join(folder, 'nowhere'), path);
    await expect(set('ShareProfile=x')).rejects.toEqual(refusal('DA_UNSAFE_LINK', /target/));
  });

  it.each([
    ['ShareCreds=yes', /no value of Profile.ShareCreds/],
    ['KeyAutoRotateDays=366', /no value of Profile.KeyAutoRotateDays/],
    ['ShareProfile=a]\n[b', /no value of Profile.ShareProfile/],
    ['Endpoint=x', /is several keys/],
    ['ShareProfil=x', /no key of the agent/],
    ['ShareProfile', /no KEY=VALUE/],
  ])('does not take %s', (text, message) => {
    expect(() => parseConfigChange(text)).toThrow(refusal('DA_USAGE', message));
  });
});

describe('what is told of amazon-ssm-agent.json', () => {
  it("warns of a missing file: root's default profile is the node", async () => {
    expect(await warningIds()).toEqual(['share-default-profile']);
  });

  it('warns of harmful and of vain values', async () => {
    const config = {
      Profile: {
        ShareCreds: false,
        ShareProfile: 'x',
        ForceUpdateCreds: true,
        KeyAutoRotateDays: 1,
      },
      Identity: { ConsumptionOrder: ['EC2'] },
      Mgs: { DeniedPortForwardingRemoteIPs: [] },
      Ssm: { Endpoint: 'https://ssm.example.com', HealthFrequencyMinutes: 1 },
      Mds: { Endpoint: 'ec2messages.eu-central-1.amazonaws.com' },
      Profil: {},
    };
    writeFileSync(path, JSON.stringify(config));
    expect(await warningIds()).toEqual([
      'agent-value',
      'agent-unknown-key',
      'share-nothing',
      'force-update-creds',
      'key-rotation-short',
      'identity-order',
      'denied-addresses',
      'foreign-endpoint',
    ]);
  });

  it('knows that one value of a wrong type makes the agent forget them all', async () => {
    writeFileSync(path, '{"Profile": {"ShareCreds": "true", "ShareProfile": "x"}}');
    const { warnings, document } = await readAgentConfig(path);
    expect(document.settings.find(({ given }) => given === 'x')?.effective).toBe('');
    expect(warnings[0]?.text).toMatch(/ShareCreds = "true" is no true or false: .* everything/);
  });

  it('reads again what another program is just writing', async () => {
    writeFileSync(path, '{"Profile": {"Share');
    const { document } = await readAgentConfig(path, () => {
      writeFileSync(path, '{"Profile": {"ShareProfile": "late"}}');
      return Promise.resolve();
    });
    expect(document.settings.find(({ given }) => given === 'late')?.name).toBe(
      'Profile.ShareProfile',
    );
  });

  it('is silent about a sound file', async () => {
    writeFileSync(path, '{"Profile": {"ShareProfile": "ssm-agent"}}');
    expect(await warningIds()).toEqual([]);
  });
});
