import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import type { Sandbox, SandboxOptions } from '../../../src/sandbox/sandbox.ts';
import { devaccess } from '../cli.ts';
import type { CliRun } from '../cli.ts';

/** ARN of a role of the sandbox. */
export const role = (name: string): string => `arn:aws:iam::123456789012:role/devaccess-${name}`;

/** A person with a fresh HOME, a long-term key in `[default-long-term]` and a sandbox. */
export class AccountHolder {
  readonly home: string;
  readonly sandbox: Sandbox;
  /** `Action` of each request to STS. */
  readonly calls: string[] = [];
  readonly #clock: { offsetMs: number };

  private constructor(home: string, sandbox: Sandbox, clock: { offsetMs: number }) {
    this.home = home;
    this.sandbox = sandbox;
    this.#clock = clock;
    sandbox.httpServer.prependListener('request', (request) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
      request.on('end', () => {
        const action = new URLSearchParams(body).get('Action');
        if (action !== null) this.calls.push(action);
      });
    });
  }

  static async arrive(options: SandboxOptions = {}): Promise<AccountHolder> {
    const home = mkdtempSync(join(tmpdir(), 'devaccess-account-'));
    const clock = { offsetMs: 0 };
    const sandbox = await startSandbox({ now: () => Date.now() + clock.offsetMs, ...options });
    const holder = new AccountHolder(home, sandbox, clock);
    mkdirSync(join(home, '.aws'), { mode: 0o700 });
    holder.writeCredentials(holder.longTermSection());
    holder.writeConfig('[default]\nregion = us-east-1\n');
    return holder;
  }

  async leave(): Promise<void> {
    await this.sandbox.close();
    rmSync(this.home, { recursive: true, force: true });
  }

  get credentialsFile(): string {
    return join(this.home, '.aws', 'credentials');
  }

  credentials(): string {
    return readFileSync(this.credentialsFile, 'utf8');
  }

  writeCredentials(text: string): void {
    writeFileSync(this.credentialsFile, text, { mode: 0o600 });
  }

  writeConfig(text: string): void {
    writeFileSync(join(this.home, '.aws', 'config'), text, { mode: 0o600 });
  }

  longTermSection(name = 'default-long-term'): string {
    const { accessKeyId, secretAccessKey } = this.sandbox.accessKey;
    return (
      `[${name}]\naws_access_key_id = ${accessKeyId}\n` +
      `aws_secret_access_key = ${secretAccessKey}\n` +
      `aws_mfa_device = ${this.sandbox.mfaDevice.serialNumber}\n`
    );
  }

  env(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      HOME: this.home,
      LOGNAME: 'alice',
      AWS_ENDPOINT_URL: this.sandbox.endpoint,
      AWS_EC2_METADATA_DISABLED: 'true',
      ...extra,
    };
  }

  run(args: readonly string[], extra: Readonly<Record<string, string>> = {}): Promise<CliRun> {
    return devaccess(args, { env: this.env(extra) });
  }

  /** A code that has not been used yet. */
  nextCode(steps = 1): string {
    this.#clock.offsetMs += steps * 30_000;
    return this.sandbox.mfaCode();
  }

  /** Gets an MFA session; throws when it cannot be had. */
  async signIn(args: readonly string[] = []): Promise<CliRun> {
    const result = await this.run(['mfa', '--token', this.nextCode(), ...args]);
    if (result.code !== 0) throw new Error(`devaccess mfa: ${result.stderr}`);
    return result;
  }
}
