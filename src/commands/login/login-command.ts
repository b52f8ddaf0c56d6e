import { join } from 'node:path';
import { DevaccessCommand } from '../../cli/base-command.ts';
import type { KeyQuery } from '../../credentials/stored-keys/move-key.ts';
import type { OwnProgram } from '../../aws/process-line.ts';
import { printable } from '../../platform/errors.ts';

/** What the commands about long-term keys share. */
export abstract class LoginCommand extends DevaccessCommand {
  /** The outer world of everything about stored keys; asks as this command. */
  protected async keyWorld() {
    const { ASK_PERSON, askForSetup } = await import('../../cli/prompts.ts');
    const command = `devaccess ${this.ctor.id.replaceAll(':', ' ')}`;
    return {
      env: process.env,
      askSecret: ASK_PERSON.askSecret,
      ask: (question: Parameters<typeof askForSetup>[0]) => askForSetup(question, command),
      say: (text: string) => this.talk(printable(text)),
    };
  }

  protected async query(flags: {
    profile: string | undefined;
    'long-term-suffix': string | undefined;
  }): Promise<KeyQuery> {
    const { chooseProfile } = await import('../../credentials/profiles.ts');
    const { name } = chooseProfile(flags.profile, process.env);
    return { profile: name, longTermSuffix: flags['long-term-suffix'] };
  }

  /** For a `credential_process`, if one was asked for. */
  protected async forTools(isAsked: boolean): Promise<OwnProgram | undefined> {
    if (!isAsked) return undefined;
    const { stableNodePath } = await import('../../platform/node-path.ts');
    return {
      node: stableNodePath(process.execPath),
      script: join(this.config.root, 'bin', 'devaccess.js'),
    };
  }
}
