import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bridge } from '../../../../src/nodes/bridge/bridge.ts';
import type { BridgePlan } from '../../../../src/nodes/bridge/bridge.ts';
import type { AgentSource } from '../../../../src/nodes/bridge/source-credentials.ts';
import { bridgeUnits } from '../../../../src/nodes/bridge/units.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const MINUTE = 60_000;
const NODE = 'mi-0123456789abcdef0';

let folder: string;
let source: AgentSource;
let plan: BridgePlan;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'devaccess-bridge-')));
  source = {
    kind: 'agent',
    stateFile: join(folder, 'identity_config.json'),
    credentialsFile: undefined,
    section: undefined,
    usualFile: join(folder, 'credentials'),
  };
  plan = {
    name: 'shop',
    folder: join(folder, 'run', 'out'),
    gid: process.getegid!(),
    source,
    role: undefined,
  };
  writeState(50);
  writeKeys('ONE');
});
afterEach(() => rmSync(folder, { recursive: true }));

const published = () => join(plan.folder, 'shop.json');
const run = (wait: () => Promise<unknown> = () => Promise.resolve()) =>
  bridge(plan, { env: {}, now: () => NOW, wait });
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error;

function writeState(leftMinutes: number, changes: object = {}): void {
  const state = {
    SchemaVersion: '1.1',
    InstanceId: NODE,
    IdentityType: 'OnPrem',
    ShareFile: source.usualFile,
    ShareProfile: 'ssm-agent',
    CredentialsExpiresAt: new Date(NOW + leftMinutes * MINUTE).toISOString(),
    ...changes,
  };
  writeFileSync(source.stateFile, JSON.stringify(state), { mode: 0o600 });
}

/** As the agent's INI library writes them. */
function writeKeys(id: string, minutesAgo = 10, section = 'ssm-agent'): void {
  const text = [
    '[other]\naws_access_key_id = AKIAOTHERKEY\n',
    `[${section}]`,
    `aws_access_key_id     = ASIAKEY${id}`,
    'aws_secret_access_key = secret/with+signs=',
    `aws_session_token     = token-of-${id}==`,
    '',
  ].join('\n');
  writeFileSync(source.usualFile, text, { mode: 0o600 });
  const at = (NOW - minutesAgo * MINUTE) / 1000;
  utimesSync(source.usualFile, at, at);
}

const answer = () => JSON.parse(readFileSync(published(), 'utf8')) as Record<string, unknown>;

describe('the bridge', () => {
  it("publishes the agent's credentials with their real end, for one group", async () => {
    const result = await run();
    expect(result).toMatchObject({ outcome: 'published', expiration: '2026-03-01T12:50:00.000Z' });
    expect(answer()).toEqual({
      Version: 1,
      AccessKeyId: 'ASIAKEYONE',
      SecretAccessKey: 'secret/with+signs=',
      SessionToken: 'token-of-ONE==',
      Expiration: '2026-03-01T12:50:00Z',
    });
    expect(statSync(published()).mode & 0o7777).toBe(0o640);
    expect(statSync(plan.folder).mode & 0o7777).toBe(0o711);
  });

  it('ends them 30 minutes after they were written where the agent tells no end', async () => {
    rmSync(source.stateFile);
    source.section = 'ssm-agent';
    expect((await run()).expiration).toBe('2026-03-01T12:20:00.000Z');
    // One that no consumer would take.
    writeState(37 * 60);
    expect((await run()).expiration).toBe('2026-03-01T12:20:00.000Z');
  });

  it('publishes none of which the end cannot be known', async () => {
    rmSync(source.stateFile);
    source.section = 'ssm-agent';
    writeKeys('ONE', 31);
    await expect(run()).rejects.toEqual(refusal('DA_AGENT_CREDENTIALS', /ended at .*11:59/));
  });

  it('never writes older ones over newer ones', async () => {
    await run();
    const before = readFileSync(published(), 'utf8');
    writeState(40);
    writeKeys('OLD');
    expect((await run()).outcome).toBe('kept');
    expect(readFileSync(published(), 'utf8')).toBe(before);
    writeState(55);
    writeKeys('NEW');
    expect((await run()).outcome).toBe('published');
    expect(answer()['AccessKeyId']).toBe('ASIAKEYNEW');
  });

  it('puts the mode right that somebody changed', async () => {
    await run();
    chmodSync(published(), 0o644);
    await run();
    expect(statSync(published()).mode & 0o7777).toBe(0o640);
  });

  it('waits while the agent writes', async () => {
    writeFileSync(source.usualFile, '');
    const result = await run(() => {
      writeKeys('LATE');
      return Promise.resolve();
    });
    expect(result.outcome).toBe('published');
  });

  it.each<[string, string, RegExp, () => void]>([
    [
      'half-written keys',
      'DA_AGENT_CREDENTIALS',
      /half-written/,
      () => {
        writeFileSync(source.usualFile, '[ssm-agent]\naws_access_key_id = ASIAKEYONE\naws_sec');
      },
    ],
    [
      'keys without their token',
      'DA_AGENT_CREDENTIALS',
      /half-written/,
      () => {
        writeFileSync(
          source.usualFile,
          '[ssm-agent]\naws_access_key_id = AKIAKEYONE\naws_secret_access_key = abcdefgh\n',
        );
      },
    ],
    ['no keys', 'DA_AGENT_CREDENTIALS', /There is no/, () => rmSync(source.usualFile)],
    [
      'a half-written state',
      'DA_AGENT_STATE',
      /half-written/,
      () => writeFileSync(source.stateFile, '{"Inst'),
    ],
    [
      'an agent that shares nothing',
      'DA_AGENT_CREDENTIALS',
      /shares no/,
      () => writeState(50, { ShareFile: '' }),
    ],
    ['credentials that are over', 'DA_AGENT_CREDENTIALS', /ended at/, () => writeState(-1)],
    [
      'a link for keys',
      'DA_FILE_UNTRUSTED',
      /symbolic link/,
      () => {
        rmSync(source.usualFile);
        symlinkSync('/etc/passwd', source.usualFile);
      },
    ],
    [
      'keys that others write',
      'DA_FILE_UNTRUSTED',
      /others may write/,
      () => chmodSync(source.usualFile, 0o666),
    ],
    [
      'keys without end',
      'DA_FILE_TOO_LARGE',
      /larger/,
      () => writeFileSync(source.usualFile, 'x'.repeat(2_000_000)),
    ],
    [
      'a link where it publishes',
      'DA_FILE_UNTRUSTED',
      /no regular file/,
      () => {
        rmSync(published());
        symlinkSync(source.stateFile, published());
      },
    ],
    [
      'a folder that others write',
      'DA_FILE_UNTRUSTED',
      /others may write in/,
      () => chmodSync(plan.folder, 0o777),
    ],
    [
      'a folder in which others may be first',
      'DA_FILE_UNTRUSTED',
      /others may make files/,
      () => chmodSync(plan.folder, 0o1777),
    ],
    [
      'a file that others write',
      'DA_FILE_UNTRUSTED',
      /others may write/,
      () => chmodSync(published(), 0o666),
    ],
  ])('leaves what it had published in its place at %s', async (_what, code, message, spoil) => {
    await run();
    const before = readFileSync(published(), 'utf8');
    writeState(55);
    writeKeys('NEW');
    spoil();
    await expect(run()).rejects.toEqual(refusal(code, message));
    if (!_what.startsWith('a link where')) expect(readFileSync(published(), 'utf8')).toBe(before);
    else expect(readFileSync(source.stateFile, 'utf8')).toContain(NODE);
  });

  it('says what is left to the consumers', async () => {
    await expect(
      run()
        .then(() => rmSync(source.usualFile))
        .then(() => run()),
    ).rejects.toEqual(
      refusal('DA_AGENT_CREDENTIALS', /that are published stay, until 2026-03-01T12:50/),
    );
    rmSync(published());
    await expect(run()).rejects.toEqual(refusal('DA_AGENT_CREDENTIALS', /have no credentials$/));
  });

  it('replaces what is damaged, or pretends to last for ever', async () => {
    mkdirSync(dirname(published()), { recursive: true, mode: 0o711 });
    writeFileSync(published(), '{"Version":1,"Acc');
    expect((await run()).outcome).toBe('published');
    writeFileSync(published(), JSON.stringify({ ...answer(), Expiration: '2999-01-01T00:00:00Z' }));
    expect((await run()).outcome).toBe('published');
  });
});

describe('the units of a bridge', () => {
  const request = {
    name: 'shop',
    command: ['/usr/bin/node', '/opt/a b/devaccess.js', 'nodes', 'bridge', '--x', '50%$HOME"'],
    folder: '/run/devaccess/credentials',
    watched: '/root/.aws/credentials',
  };

  it('run it at times, and when the agent has new credentials', () => {
    const [service, timer, path] = bridgeUnits(request);
    expect(service?.text).toContain(
      'ExecStart=/usr/bin/node "/opt/a b/devaccess.js" nodes bridge --x "50%%$$HOME\\""\n',
    );
    expect(timer?.text).toContain('OnUnitInactiveSec=5min\n');
    expect(path?.text).toContain('PathChanged=/root/.aws/credentials\n');
  });

  it('watch nothing where there is no file', () => {
    expect(bridgeUnits({ ...request, watched: undefined }).map(({ file }) => file)).toEqual([
      'devaccess-node-bridge-shop.service',
      'devaccess-node-bridge-shop.timer',
    ]);
  });

  it('make the folder that is named, which nothing else makes, and may write to it', () => {
    const [service] = bridgeUnits({ ...request, folder: '/srv/50% $x' });
    expect(service?.text).toContain(
      'ExecStartPre=+/bin/sh -c "umask 022 && exec mkdir -p -m 0711 -- \\"$$1\\"" sh "/srv/50%% $$x"\n' +
        'ReadWritePaths="/srv/50%% $x"\n',
    );
    expect(bridgeUnits(request)[0]?.text).not.toContain('ExecStartPre');
  });

  it('hold no line of another', () => {
    const command = ['node', 'a\nExecStartPost=evil'];
    expect(() => bridgeUnits({ ...request, command })).toThrow(/control character/);
  });
});
