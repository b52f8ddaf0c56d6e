import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './person.ts';

const PROGRAMS = ['dbus-daemon', 'dbus-send', 'gnome-keyring-daemon'];

/** What is missing for a keyring of its own; empty where a test can have one. */
export const missingForKeyring = PROGRAMS.filter(
  (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
).join(', ');

/** GNOME Keyring on a session bus of its own, unlocked, with its keyrings in a folder. */
export class Keyring {
  /** How programs find it. */
  readonly env: Record<string, string>;
  readonly #processes: ChildProcess[];

  private constructor(env: Record<string, string>, processes: ChildProcess[]) {
    this.env = env;
    this.#processes = processes;
  }

  static async start(home: string): Promise<Keyring> {
    const runtime = join(home, 'run');
    mkdirSync(runtime, { mode: 0o700, recursive: true });
    const base = { PATH: process.env['PATH'] ?? '', HOME: home, XDG_RUNTIME_DIR: runtime };
    const bus = spawn('dbus-daemon', ['--session', '--nofork', '--print-address', '--nopidfile'], {
      env: base,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(bus.stdout, 'data')) as [Buffer];
    const env = { ...base, DBUS_SESSION_BUS_ADDRESS: line.toString('utf8').trim() };
    const args = ['--foreground', '--unlock', '--components=secrets'];
    const daemon = spawn('gnome-keyring-daemon', args, {
      env,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    daemon.stdin.end('login password');
    const keyring = new Keyring(env, [daemon, bus]);
    await eventually('the keyring answers', () => keyring.#isUp());
    return keyring;
  }

  /** As the screen lock of a desktop may do. */
  lock(): void {
    this.#send('org.freedesktop.secrets', '/org/freedesktop/secrets', [
      'org.freedesktop.Secret.Service.Lock',
      'array:objpath:/org/freedesktop/secrets/collection/login',
    ]);
  }

  async stop(): Promise<void> {
    for (const child of this.#processes) {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  }

  #isUp(): boolean {
    return this.#send('org.freedesktop.DBus', '/', [
      'org.freedesktop.DBus.GetNameOwner',
      'string:org.freedesktop.secrets',
    ]);
  }

  #send(destination: string, path: string, words: string[]): boolean {
    const args = ['--session', '--print-reply', `--dest=${destination}`, path, ...words];
    return spawnSync('dbus-send', args, { env: this.env }).status === 0;
  }
}
