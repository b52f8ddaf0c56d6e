import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DevaccessError } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { ownSshConfig, sshConfigurationOver } from '../../platform/ssh-configuration.ts';
import { sshNotStarted } from '../../platform/ssh-not-started.ts';
import { readSshSettings } from './ssh-settings.ts';
import type { SshSettings } from './ssh-settings.ts';
import { readSshTranscript } from './ssh-transcript.ts';
import type { SshTranscript } from './ssh-transcript.ts';

/** Enough of what ssh says. */
const MAX_CHARS = 256 * 1024;
const SETTINGS_MS = 10_000;
/** Two sessions, one after the other, on a slow network. */
const LOGIN_MS = 45_000;

/**
 * What ssh makes of a name.
 *
 * @throws DevaccessError DA_NO_SSH; DA_SSH_CONNECT for a config file that ssh refuses
 */
export async function sshSettings(name: string, world: SshWorld): Promise<SshSettings> {
  const config = ownSshConfig(world.env);
  const file = config === undefined ? [] : ['-F', config];
  const { code, stdout, stderr } = await runSsh([...file, '-G', '--', name], world, SETTINGS_MS);
  if (code === 0) return readSshSettings(stdout);
  throw new DevaccessError('DA_SSH_CONNECT', `ssh refuses its config: ${stderr.trim()}`, {
    next: 'correct what ssh names',
  });
}

/** What an attempt to log in said, and what ssh's proxies said beside it. */
export interface LoginAttempt {
  transcript: SshTranscript;
  aside: string;
}

/**
 * Logs in to a server and out again as the SSH config says, but asks nothing, shares no connection and
 * takes no host key on trust, on the way through jump hosts neither.
 *
 * @throws DevaccessError DA_NO_SSH
 */
export async function tryLogin(name: string, world: SshWorld): Promise<LoginAttempt> {
  const { env } = world;
  const before = [
    'ControlMaster no',
    'ControlPath none',
    'BatchMode yes',
    'StrictHostKeyChecking yes',
    'UpdateHostKeys no',
  ];
  const about =
    'Written by devaccess doctor: the configuration of ssh, but nothing is asked or kept.';
  const config = await sshConfigurationOver(about, ownSshConfig(env), { before }, env);
  const file = config === undefined ? [] : ['-F', config];
  const options = [...before.map((line) => line.replace(' ', '=')), 'ClearAllForwardings=yes'];
  const folder = await mkdtemp(join(tmpdir(), 'devaccess-doctor-'));
  // Apart from what jump hosts and proxies say.
  const log = join(folder, 'log');
  try {
    const args = [...file, ...options.flatMap((option) => ['-o', option])];
    const command = ['-T', '-v', '-E', log, '--', name, 'exit'];
    const { stderr } = await runSsh([...args, ...command], world, LOGIN_MS);
    const text = (await readFile(log, 'utf8').catch(() => '')).slice(0, MAX_CHARS);
    return { transcript: readSshTranscript(text), aside: stderr };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface SshWorld {
  env: Environment;
  /** Ends what is running. */
  stop: AbortSignal;
}

interface SshRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Without a terminal, so that neither it nor a jump host's ssh can ask. */
function runSsh(
  args: readonly string[],
  { env, stop }: SshWorld,
  timeoutMs: number,
): Promise<SshRun> {
  return new Promise((resolve, reject) => {
    const { SSH_ASKPASS: _noDialog, ...rest } = env;
    const child = spawn('ssh', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...rest, SSH_ASKPASS_REQUIRE: 'never' },
      detached: process.platform !== 'win32',
      windowsHide: true,
      signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]),
    });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] = (said[name] + text).slice(-MAX_CHARS);
      });
    }
    child.once('error', (error) => {
      if (error.name !== 'AbortError') reject(sshNotStarted(error));
    });
    child.once('close', (code) => resolve({ code, ...said }));
  });
}
