import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLocalAws } from '../../../src/sandbox/local-aws.ts';
import type { LocalAws, LocalAwsOptions } from '../../../src/sandbox/local-aws.ts';
import { shareCompiledCode } from './compiled-code.ts';

const BIN = fileURLToPath(new URL('../../../bin/', import.meta.url));
const BIN_FILES = { devaccess: 'devaccess.js', 'devaccess-proxy': 'devaccess-proxy.js' } as const;

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

/** A person with a fresh HOME and a sandbox of their own, after `mfa` and `hosts sync`. */
export class Person {
  readonly home: string;
  readonly aws: LocalAws;

  private constructor(home: string, aws: LocalAws) {
    this.home = home;
    this.aws = aws;
  }

  static async arrive(options: Partial<LocalAwsOptions> = {}): Promise<Person> {
    const home = mkdtempSync(join(tmpdir(), 'devaccess-person-'));
    shareCompiledCode(home);
    const awsDir = join(home, '.aws');
    const aws = await startLocalAws({ stateDir: join(home, 'sandbox'), awsDir, ...options });
    mkdirSync(join(home, '.ssh'), { mode: 0o700 });
    writeFileSync(
      join(home, '.ssh', 'config'),
      `Host *\n  IdentityFile ${aws.identityFile}\n  IdentitiesOnly yes\n` +
        `  UserKnownHostsFile ${aws.knownHostsFile}\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n`,
      { mode: 0o600 },
    );
    return new Person(home, aws);
  }

  /** The morning: an MFA session, and the hosts in the SSH config. */
  async startDay(syncFlags: readonly string[] = []): Promise<void> {
    for (const args of [
      ['mfa', '--token', this.aws.sandbox.mfaCode()],
      ['hosts', 'sync', ...syncFlags],
    ]) {
      const { code, stderr } = await this.run('devaccess', args);
      if (code !== 0) throw new Error(`devaccess ${args.join(' ')}: ${stderr}`);
    }
  }

  async leave(): Promise<void> {
    await this.aws.close();
    rmSync(this.home, { recursive: true, force: true });
  }

  get bastionId(): string {
    return this.instanceId('bastion');
  }

  instanceId(name: string): string {
    const host = this.aws.hosts.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`the sandbox has no ${name}`);
    return host.instanceId;
  }

  env(extra: Record<string, string> = {}): Record<string, string> {
    const { AWS_ENDPOINT_URL, AWS_REGION } = this.aws.sandbox.environment;
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.home,
      AWS_ENDPOINT_URL: AWS_ENDPOINT_URL!,
      AWS_REGION: AWS_REGION!,
      ...extra,
    };
  }

  /**
   * Starts a program with the person's environment. OpenSSH takes the home directory from the
   * system, not from HOME, so its tools are given the config file.
   */
  start(
    program: string,
    args: readonly string[],
    extra: Record<string, string> = {},
  ): ChildProcessWithoutNullStreams {
    const config = join(this.home, '.ssh', 'config');
    const [command, before]: [string, string[]] =
      program === 'devaccess' || program === 'devaccess-proxy'
        ? [process.execPath, [join(BIN, BIN_FILES[program])]]
        : ['ssh', 'scp', 'sftp'].includes(program)
          ? [program, ['-F', config]]
          : [program, []];
    return spawn(command, [...before, ...args], {
      env: this.env(extra),
      cwd: this.home,
      stdio: 'pipe',
      detached: true,
    });
  }

  /** A command line of ours for another program to run; its arguments need no quoting. */
  command(program: 'devaccess' | 'devaccess-proxy', args: readonly string[]): string {
    return [process.execPath, join(BIN, `${program}.js`), ...args].join(' ');
  }

  /** Runs a program to its end. */
  async run(
    program: string,
    args: readonly string[],
    options: { input?: Buffer | string; env?: Record<string, string> } = {},
  ): Promise<Finished> {
    const child = this.start(program, args, options.env);
    const finished = collect(child);
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    return finished;
  }

  /** Waits until no session is open; throws when one stays. */
  async noSessionIsOpen(): Promise<void> {
    await eventually('no open session', () => this.openSessions() === 0);
  }

  openSessions(): number {
    return this.aws.sandbox.registry.list().filter(({ status }) => status !== 'Terminated').length;
  }
}

/** Everything a process says, and how it ends. */
export async function collect(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout: Buffer.concat(stdout), stderr };
}

/** Waits for a condition that other processes bring about; fails after a minute. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The first bytes a process writes to stdout. */
export async function firstOutput(child: ChildProcessWithoutNullStreams): Promise<string> {
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return chunk.toString('latin1');
}

export function isRunning(pid: number): boolean {
  try {
    // One that has ended and was not waited for is still in the table.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
