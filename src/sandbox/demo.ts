import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { startLocalAws } from './local-aws.ts';
import type { LocalAws } from './local-aws.ts';

const FILE_BYTES = 20 * 1024 * 1024;

export interface DemoOptions {
  /** The installed `devaccess` script, to be run as a person would. */
  devaccessScript: string;
  sshd: 'embedded' | 'system';
  /** Takes what is to be shown. */
  write: (text: string) => void;
}

export interface DemoStep {
  command: string;
  /** From start to exit. */
  milliseconds: number;
}

export interface DemoResult {
  steps: DemoStep[];
  bytesCopied: number;
  checksum: string;
  /** Sessions still open at the end; always 0. */
  openSessions: number;
}

/**
 * A whole morning against the sandbox, in a throw-away HOME: MFA, hosts sync, then the machine's
 * own `ssh` and `scp`. Every step is run by a shell exactly as it is shown.
 *
 * @throws DevaccessError DA_DEMO when a step fails, DA_NO_SSH without an OpenSSH client
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const home = await mkdtemp(join(tmpdir(), 'devaccess-demo-'));
  let aws: LocalAws | undefined;
  try {
    aws = await startLocalAws({
      stateDir: join(home, 'sandbox'),
      awsDir: join(home, '.aws'),
      sshd: options.sshd,
    });
    await furnishHome(home, options.devaccessScript, aws);
    return await new Demo(options, home, aws).run();
  } finally {
    await aws?.close();
    await rm(home, { recursive: true, force: true });
  }
}

class Demo {
  readonly #options: DemoOptions;
  readonly #home: string;
  readonly #aws: LocalAws;
  readonly #steps: DemoStep[] = [];

  constructor(options: DemoOptions, home: string, aws: LocalAws) {
    this.#options = options;
    this.#home = home;
    this.#aws = aws;
  }

  async run(): Promise<DemoResult> {
    const { sandbox } = this.#aws;
    this.#say(`A local AWS runs at ${sandbox.endpoint}; HOME is ${this.#home}.\n`);

    this.#say('# Each morning: one MFA code');
    await this.#step(`devaccess mfa --token ${sandbox.mfaCode()}`);

    this.#say('# When servers change: the bastion and all behind it, into the SSH config');
    // An sshd of this machine lets in nobody but who started it.
    const user = this.#options.sshd === 'system' ? ` --user ${userInfo().username}` : '';
    await this.#step(`devaccess hosts sync${user}`);

    this.#say('# All day: plain ssh, through the bastion to a private host');
    await this.#step("ssh someserver 'uname -a'");

    this.#say('# Files, too: 20 MiB there and back');
    const sent = randomBytes(FILE_BYTES);
    await writeFile(join(this.#home, 'file.bin'), sent);
    const up = await this.#step('scp -q file.bin someserver:');
    await this.#step('ssh someserver cksum file.bin');
    const down = await this.#step('scp -q someserver:file.bin back.bin');
    await this.#step('cksum back.bin');
    const back = await readFile(join(this.#home, 'back.bin'));
    const checksum = sha256(sent);
    if (sha256(back) !== checksum) throw failed('the file came back changed');
    const rate = (step: DemoStep): string =>
      ((FILE_BYTES / step.milliseconds / 1024 / 1024) * 1000).toFixed(1);
    this.#say(
      `The file came back the same (SHA-256 ${checksum.slice(0, 16)}…), ${rate(up)} MiB/s up, ${rate(down)} MiB/s down.`,
    );

    const openSessions = await this.#openSessions();
    if (openSessions > 0) throw failed(`${openSessions} sessions were left open`);
    this.#say('No session is left open.');
    return { steps: this.#steps, bytesCopied: 2 * FILE_BYTES, checksum, openSessions };
  }

  #say(text: string): void {
    this.#options.write(`${text}\n`);
  }

  async #step(command: string): Promise<DemoStep> {
    this.#say(`$ ${command}`);
    const startedAt = performance.now();
    const child = spawn('/bin/sh', ['-c', command], {
      cwd: this.#home,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.#options.write(text));
    }
    const [code] = (await once(child, 'close')) as [number | null];
    const milliseconds = Math.round(performance.now() - startedAt);
    if (code !== 0) throw failed(`'${command}' ended with exit code ${code ?? 'none'}`);
    this.#say(`  (${milliseconds} ms)\n`);
    const step = { command, milliseconds };
    this.#steps.push(step);
    return step;
  }

  #environment(): NodeJS.ProcessEnv {
    const { PATH = '', LANG = 'C.UTF-8', TERM = 'dumb' } = process.env;
    const { AWS_ENDPOINT_URL, AWS_REGION } = this.#aws.sandbox.environment;
    return {
      PATH: `${join(this.#home, 'bin')}${delimiter}${PATH}`,
      HOME: this.#home,
      LANG,
      TERM,
      AWS_ENDPOINT_URL,
      AWS_REGION,
    };
  }

  /** ssh does not wait for its proxy, which ends the session a moment later. */
  async #openSessions(): Promise<number> {
    const { registry } = this.#aws.sandbox;
    const count = (): number =>
      registry.list().filter(({ status }) => status !== 'Terminated').length;
    const deadline = performance.now() + 5_000;
    while (count() > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return count();
  }
}

/**
 * What a person has before devaccess: a key pair and the hosts' keys. OpenSSH takes the home
 * directory from the system, not from HOME, so its tools are told the config file by wrappers.
 */
async function furnishHome(home: string, devaccessScript: string, aws: LocalAws): Promise<void> {
  const ssh = join(home, '.ssh');
  const bin = join(home, 'bin');
  await mkdir(ssh, { mode: 0o700 });
  await mkdir(bin);
  const lines = [
    'Host *',
    `  IdentityFile "${aws.identityFile}"`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile "${aws.knownHostsFile}"`,
    '  StrictHostKeyChecking yes',
  ];
  await writeFile(join(ssh, 'config'), `${lines.join('\n')}\n`, { mode: 0o600 });
  for (const tool of ['ssh', 'scp']) {
    const real = await which(tool);
    await script(join(bin, tool), `exec '${real}' -F '${join(ssh, 'config')}' "$@"`);
  }
  await script(join(bin, 'devaccess'), `exec '${process.execPath}' '${devaccessScript}' "$@"`);
}

async function script(file: string, command: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\n${command}\n`);
  await chmod(file, 0o755);
}

async function which(tool: string): Promise<string> {
  const child = spawn('/bin/sh', ['-c', `command -v ${tool}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let path = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    path += text;
  });
  await once(child, 'close');
  if (path.trim() !== '') return path.trim();
  throw new DevaccessError('DA_NO_SSH', `There is no '${tool}' on this machine.`, {
    exitCode: EXIT.failed,
    next: 'install the OpenSSH client (package openssh-client).',
  });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function failed(what: string): DevaccessError {
  return new DevaccessError('DA_DEMO', `The demo failed: ${what}.`);
}
