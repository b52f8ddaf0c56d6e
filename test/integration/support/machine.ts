import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SEED } from '../../../src/sandbox/seed.ts';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import type { Sandbox, SandboxOptions } from '../../../src/sandbox/sandbox.ts';
import { devaccess } from '../cli.ts';
import type { CliRun } from '../cli.ts';
import { Authority } from './authority.ts';
import type { IssueOptions, Issued } from './authority.ts';

const REGION = 'us-east-1';

/** Names and values of options, as they follow the command. */
export type Options = Readonly<Record<string, string | undefined>>;

/**
 * A machine outside AWS: a HOME with a certificate and its key, and a sandbox whose trust anchor
 * holds the authority. The clock of the sandbox may be set apart.
 */
export class Machine {
  readonly home = mkdtempSync(join(tmpdir(), 'devaccess-machine-'));
  readonly root = Authority.root();
  readonly sandbox: Sandbox;
  readonly clock: { offsetMs: number };
  readonly roleArn: string;
  readonly trustAnchorArn: string;
  readonly profileArn: string;
  /** Requests to `/sessions`, and how they were answered. */
  readonly answers: number[] = [];

  private constructor(sandbox: Sandbox, clock: { offsetMs: number }) {
    this.sandbox = sandbox;
    this.clock = clock;
    const { accountId, roles } = sandbox.account;
    this.roleArn =
      roles.find(({ roleName }) => roleName === SEED.machineRoleName)?.arn ?? accountId;
    this.trustAnchorArn = sandbox.rolesAnywhere.createTrustAnchor({
      region: REGION,
      name: 'test',
      x509CertificateData: this.root.certificate,
      enabled: true,
    }).trustAnchorArn;
    this.profileArn = sandbox.rolesAnywhere.createProfile({
      region: REGION,
      name: 'test',
      roleArns: [this.roleArn],
      durationSeconds: 3600,
      acceptRoleSessionName: false,
      enabled: true,
      createdBy: 'test',
    }).profileArn;
    sandbox.httpServer.prependListener('request', (request, response) => {
      if (request.url?.startsWith('/sessions') !== true) return;
      response.on('finish', () => this.answers.push(response.statusCode));
    });
  }

  static async arrive(options: SandboxOptions = {}): Promise<Machine> {
    const clock = { offsetMs: 0 };
    const sandbox = await startSandbox({ now: () => Date.now() + clock.offsetMs, ...options });
    return new Machine(sandbox, clock);
  }

  async leave(): Promise<void> {
    await this.sandbox.close();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Writes a file of mode 0600 into the HOME. @returns its path */
  write(name: string, text: string): string {
    const file = join(this.home, name);
    rmSync(file, { force: true });
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  /** A certificate and key in files of their own. */
  identity(options: IssueOptions = {}, authority = this.root): Options {
    return this.filesOf(authority.issue('node-1', options));
  }

  filesOf({ certificate, key }: Issued): Options {
    return {
      certificate: this.write('node.pem', certificate),
      'private-key': this.write('node.key', key),
    };
  }

  /** The ARNs, and what is given. */
  options(given: Options = {}): Options {
    const { trustAnchorArn, profileArn, roleArn } = this;
    return {
      'trust-anchor-arn': trustAnchorArn,
      'profile-arn': profileArn,
      'role-arn': roleArn,
      ...given,
    };
  }

  env(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { HOME: this.home, AWS_ENDPOINT_URL: this.sandbox.endpoint, ...extra };
  }

  /** Runs the built `devaccess anywhere`. */
  run(
    command: string,
    options: Options,
    extra: Readonly<Record<string, string>> = {},
  ): Promise<CliRun> {
    return devaccess(['anywhere', command, ...asArguments(options)], { env: this.env(extra) });
  }
}

export function asArguments(options: Options): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : value === '' ? [`--${name}`] : [`--${name}`, value],
  );
}
