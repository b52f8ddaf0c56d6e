import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSshHosts } from '../../src/sandbox/ssh/ssh-hosts.ts';
import type { SshHost, SshHosts } from '../../src/sandbox/ssh/ssh-hosts.ts';

const run = promisify(execFile);

let directory: string;
let hosts: SshHosts;
let app: SshHost;

function sshOptions(key = 'key'): string[] {
  return [
    '-F',
    '/dev/null',
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'LogLevel=ERROR',
    '-o',
    'BatchMode=yes',
    '-i',
    join(directory, key),
  ];
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'devaccess-ssh-'));
  const key = ssh2.utils.generateKeyPairSync('ed25519');
  await writeFile(join(directory, 'key'), key.private, { mode: 0o600 });
  const stranger = ssh2.utils.generateKeyPairSync('ed25519');
  await writeFile(join(directory, 'stranger'), stranger.private, { mode: 0o600 });
  hosts = await startSshHosts({
    hosts: [
      { instanceId: 'i-bastion', name: 'bastion', privateIp: '10.0.0.10', bastion: true },
      { instanceId: 'i-app', name: 'app', privateIp: '10.0.1.20' },
    ],
    authorizedKeys: [key.public],
    stateDirectory: directory,
  });
  app = hosts.hosts.find((host) => host.name === 'app')!;
});

afterAll(async () => {
  await hosts.close();
  await rm(directory, { recursive: true, force: true });
});

const ssh = (command: string): Promise<{ stdout: string; stderr: string }> =>
  run('ssh', [...sshOptions(), '-p', String(app.port), 'dev@127.0.0.1', command]);

describe('an embedded host', () => {
  it('runs a command in its home directory', async () => {
    expect((await ssh('pwd; echo $HOME')).stdout).toBe(
      `${app.homeDirectory}\n${app.homeDirectory}\n`,
    );
  });
});
