import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../cli.ts';
import type { CliRun } from '../cli.ts';

/** New namespaces, and root in them, whoever runs the tests. */
const UNSHARE = ['--user', '--map-root-user', '--mount'];
export const hasNamespaces = spawnSync('unshare', [...UNSHARE, 'true']).status === 0;

/** Folders of the real machine that programs need to run; seen in ours by a mount. */
const LIBRARIES = ['lib', 'lib32', 'lib64', 'libx32', 'usr/lib', 'usr/lib64'];
const ARGV_LOG = '/log/argv';

/**
 * A machine of its own, as a container is: root in a folder with few programs, each of which writes
 * down its arguments where everybody could have read them.
 */
export class BareMachine {
  readonly root = mkdtempSync(join(tmpdir(), 'devaccess-machine-'));

  /** @param tools programs of the real machine that this one has */
  constructor(tools: readonly string[]) {
    for (const folder of [
      'usr/bin',
      'usr/local/bin',
      'tools',
      'log',
      'tmp',
      'etc',
      'dev',
      'var/lib',
    ]) {
      mkdirSync(join(this.root, folder), { recursive: true });
    }
    for (const folder of LIBRARIES) this.#library(folder);
    symlinkSync('usr/bin', join(this.root, 'bin'));
    copyFileSync(programPath('sh'), join(this.root, 'usr/bin/sh'));
    for (const tool of tools) {
      this.tool(tool);
      this.#write(`usr/bin/${tool}`, `${logged(tool)}exec /tools/${tool} "$@"\n`);
    }
  }

  /** A program of the real machine for the machine's own programs: as /tools/NAME, on no PATH. */
  tool(name: string): void {
    copyFileSync(programPath(name), join(this.root, 'tools', name));
  }

  leave(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Gives the machine a program: a shell script. */
  program(name: string, script: string, folder = 'usr/local/bin'): void {
    this.#write(join(folder, name), logged(name) + script);
  }

  write(path: string, text: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o600 });
  }

  read(path: string): string {
    const file = join(this.root, path);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  mode(path: string): number {
    return lstatSync(join(this.root, path)).mode & 0o777;
  }

  /** Arguments of every program that ran: `NAME ARGUMENT…` each. */
  get argv(): string[] {
    return this.read(ARGV_LOG).split('\n').filter(Boolean);
  }

  /** Runs a shell script of the machine as its root. */
  run(script: string, args: readonly string[] = [], input = ''): Promise<CliRun> {
    const mounts = LIBRARIES.filter((folder) => isFolder(join('/', folder))).map(
      (folder) => `mount --rbind '/${folder}' '${this.root}/${folder}'`,
    );
    const nullDevice = `: > '${this.root}/dev/null' && mount --bind /dev/null '${this.root}/dev/null'`;
    const enter = `exec chroot '${this.root}' /bin/sh "$@"`;
    const setUp = [...mounts, nullDevice, enter].join('\n');
    return run('unshare', [...UNSHARE, 'sh', '-ec', setUp, 'sh', script, ...args], {
      env: { HOME: '/root' },
      input,
    });
  }

  #library(folder: string): void {
    const own = join(this.root, folder);
    const real = join('/', folder);
    if (isFolder(real)) mkdirSync(own, { recursive: true });
    else if (existsSync(real)) symlinkSync(readlinkSync(real), own);
  }

  #write(path: string, text: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  }
}

function logged(name: string): string {
  return `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>${ARGV_LOG}\n`;
}

function isFolder(path: string): boolean {
  return existsSync(path) && lstatSync(path).isDirectory();
}

function programPath(name: string): string {
  const folder = ['/usr/bin', '/bin'].find((each) => existsSync(join(each, name)));
  if (folder === undefined) throw new Error(`no ${name} on this machine`);
  return realpathSync(join(folder, name));
}
