import { SsmSessionApi } from '../ssm-session-api.ts';
import type { Environment } from '../../platform/paths.ts';
import { RunCommandApi } from '../../aws/run-command/run-command-api.ts';
import type { RunApis } from './run-on-host.ts';
import type { RunHost } from './run-on-hosts.ts';

/** The services' calls for the accounts and regions that hosts live in; each is set up once. */
export class RunApiCache {
  readonly #env: Environment;
  readonly #apis = new Map<string, Promise<RunApis>>();

  constructor(env: Environment) {
    this.#env = env;
  }

  of({ profile, region }: Pick<RunHost, 'profile' | 'region'>): Promise<RunApis> {
    const key = JSON.stringify([profile, region]);
    const known = this.#apis.get(key);
    if (known !== undefined) return known;
    const apis = Promise.resolve().then(() => this.#create(profile, region));
    this.#apis.set(key, apis);
    return apis;
  }

  #create(profile: string | undefined, region: string | undefined): RunApis {
    const session = SsmSessionApi.create({ profile, region, env: this.#env });
    let runCommand: Promise<RunCommandApi> | undefined;
    return {
      session,
      runCommand: () =>
        (runCommand ??= RunCommandApi.create({ profile, env: this.#env }, session.region)),
    };
  }
}
