import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { grantsIn, hasOpenAcl } from '../../../../src/nodes/doctor/acl.ts';
import { findExposure, undoExposure } from '../../../../src/nodes/doctor/exposure.ts';
import { checkNode } from '../../../../src/nodes/doctor/node-checkup.ts';
import type { NodeWorld } from '../../../../src/nodes/doctor/node-checkup.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

let root: string;
let world: NodeWorld;
const at = (...parts: string[]) => join(root, ...parts);

/** A machine with an agent that is as it should be, and a user. */
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'devaccess-node-doctor-')));
  for (const folder of ['root', 'root/.aws', 'home', 'home/eve', 'home/eve/.aws', 'run']) {
    mkdirSync(at(folder), { mode: 0o700 });
  }
  world = {
    places: {
      config: at('agent.json'),
      identityState: at('identity.json'),
      credentials: at('root/.aws/credentials'),
      restart: 'restart the agent',
    },
    home: at('root'),
    passwd: at('passwd'),
    published: at('run'),
    isRunning: () => true,
    now: () => NOW,
    wait: () => Promise.resolve(),
  };
  writeFileSync(
    world.passwd,
    `root:x:0:0:root:${at('root')}:/bin/sh\neve:x:1:1::${at('home/eve')}:/bin/sh\n`,
  );
  writeFileSync(world.places.config, '{"Profile": {"ShareProfile": "ssm-agent"}}');
  writeFileSync(world.places.credentials, '[ssm-agent]\n', { mode: 0o600 });
  writeState('2026-03-01T12:30:00Z');
});
afterEach(() => rmSync(root, { recursive: true }));

function writeState(CredentialsExpiresAt: string): void {
  const state = { InstanceId: 'mi-1', ShareFile: world.places.credentials, CredentialsExpiresAt };
  writeFileSync(world.places.identityState, JSON.stringify(state));
}

async function found(severity: string): Promise<string[]> {
  const { findings } = await checkNode(world);
  return findings.filter((each) => each.severity === severity).map(({ id }) => id);
}

describe('the doctor of a node', () => {
  it('finds nothing on a sound machine', async () => {
    const { findings } = await checkNode(world);
    expect(findings.map(({ id, severity }) => [id, severity])).toEqual([
      ['agent-running', 'ok'],
      ['agent-config', 'ok'],
      ['agent-credentials', 'ok'],
    ]);
  });

  it("finds what folklore does to root's home, and takes it back", async () => {
    chmodSync(at('root'), 0o755);
    chmodSync(at('root/.aws'), 0o755);
    chmodSync(world.places.credentials, 0o644);
    const link = at('home/eve/.aws/credentials');
    symlinkSync(world.places.credentials, link);
    expect(await found('problem')).toEqual([
      'root-home-open',
      'root-aws-open',
      'agent-credentials-open',
      'agent-credentials-link',
    ]);
    for (const { undo } of (await checkNode(world)).exposed) undoExposure(undo);
    expect(await found('problem')).toEqual([]);
    expect(statSync(at('root')).mode & 0o777).toBe(0o700);
    expect(statSync(world.places.credentials).mode & 0o777).toBe(0o600);
    expect(existsSync(link)).toBe(false);
  });

  it('finds the folder of credentials linked as a whole', async () => {
    rmSync(at('home/eve/.aws'), { recursive: true });
    symlinkSync(at('root/.aws'), at('home/eve/.aws'));
    expect(await found('problem')).toEqual(['agent-credentials-link']);
    for (const { undo } of (await checkNode(world)).exposed) undoExposure(undo);
    expect(existsSync(at('home/eve/.aws'))).toBe(false);
    expect(existsSync(world.places.credentials)).toBe(true);
  });

  it("finds an ACL on root's home, as far as its mask lets anyone in", () => {
    const acl = 'user::rwx\nuser:eve:r-x\t\t#effective:--x\nuser:bob:r--\t#effective:---\n';
    const rest =
      'group::---\ngroup:root:r-x\ngroup:ops:--x\nmask::--x\nother::---\ndefault:user:eve:r-x\n';
    expect(grantsIn(acl + rest)).toEqual(['user:eve --x', 'group:ops --x']);
    expect(
      ['drwx--x---+ 2 root', 'drwx------+ 2 root', 'drwxr-x--- 2 root'].map(hasOpenAcl),
    ).toEqual([true, false, false]);
    const places = { home: at('root'), credentialsFile: at('none'), otherHomes: [] };
    chmodSync(at('root'), 0o710);
    expect(findExposure(places, () => [])).toEqual([]);
    const [exposed] = findExposure(places, (path) => (path === at('root') ? ['user:eve --x'] : []));
    expect(exposed?.finding.what).toMatch(/mode 0710, an ACL for user:eve --x/);
    undoExposure(exposed!.undo);
    expect(statSync(at('root')).mode & 0o777).toBe(0o700);
  });

  it.runIf(process.platform === 'linux')(
    'removes no file that a link was swapped for',
    async () => {
      const link = at('home/eve/.aws/credentials');
      symlinkSync(world.places.credentials, link);
      const { exposed } = await checkNode(world);
      renameSync(at('home/eve/.aws'), at('home/eve/moved'));
      symlinkSync(at('root/.aws'), at('home/eve/.aws'));
      for (const { undo } of exposed) expect(() => undoExposure(undo)).toThrow();
      expect(lstatSync(world.places.credentials).isFile()).toBe(true);
    },
  );

  it('leaves links alone that lead elsewhere', async () => {
    symlinkSync(at('home/eve/own'), at('home/eve/.aws/credentials'));
    expect(await found('problem')).toEqual([]);
  });

  it('finds an agent that is in trouble', async () => {
    world.isRunning = () => false;
    writeState('2026-03-01T11:59:00Z');
    writeFileSync(world.places.config, '{"Profile": {');
    expect(await found('problem')).toEqual([
      'agent-not-running',
      'agent-config-unread',
      'agent-credentials-stale',
    ]);
    writeFileSync(world.places.identityState, '{"Inst');
    expect(await found('problem')).toContain('agent-state-unread');
  });

  it('tells misunderstandings of the configuration', async () => {
    const Profile = { ForceUpdateCreds: true, KeyAutoRotateDays: 1 };
    writeFileSync(world.places.config, JSON.stringify({ Profile }));
    expect(await found('warning')).toEqual(['share-default-profile']);
    expect(await found('note')).toEqual(['force-update-creds', 'key-rotation-short']);
  });

  it('looks at what is published', async () => {
    const answer = { Version: 1, AccessKeyId: 'A', SecretAccessKey: 'B', SessionToken: 'C' };
    const write = (name: string, Expiration: string, mode: number): void => {
      writeFileSync(at('run', name), JSON.stringify({ ...answer, Expiration }));
      chmodSync(at('run', name), mode);
    };
    write('good.json', '2026-03-01T12:30:00Z', 0o640);
    write('open.json', '2026-03-01T12:30:00Z', 0o644);
    write('over.json', '2026-03-01T11:30:00Z', 0o640);
    expect(await found('problem')).toEqual(['published-open', 'published-unusable']);
    expect(await found('ok')).toContain('published');
  });
});
