import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { placeNotices } from '../../../src/hosts/sync-notices.ts';

it('tells of an SSH config that ssh refuses, as others may write it', () => {
  const home = mkdtempSync(join(tmpdir(), 'da-notices-'));
  const program = { node: '/usr/bin/node', script: '/opt/devaccess-proxy.js' };
  const notices = (): string[] =>
    placeNotices({ sshDirectory: home, loginHome: '/nobody', program }).filter(
      (notice) => !notice.startsWith('HOME'),
    );
  expect(notices()).toEqual([]);
  const config = join(home, 'config');
  writeFileSync(config, '');
  chmodSync(config, 0o666);
  expect(notices()).toEqual([expect.stringContaining(`chmod go-w ${config}`)]);
  chmodSync(config, 0o644);
  expect(notices()).toEqual([]);
  rmSync(home, { recursive: true });
});
