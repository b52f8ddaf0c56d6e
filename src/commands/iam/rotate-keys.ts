import { Flags } from '@oclif/core';
import type { RotationResult } from '../../credentials/rotation/rotate-key.ts';
import { printable } from '../../platform/errors.ts';
import { LoginCommand } from '../login/login-command.ts';
import { KEY_FLAGS } from '../login/login-flags.ts';

export default class IamRotateKeys extends LoginCommand {
  static override summary = 'Replace the own access key by a new one.';
  static override description =
    'Makes a new key in IAM, writes it to where the old one is (file, keychain or encrypted file), tries ' +
    'it, and deactivates the old one; a later run deletes that. Every step is noted: an interrupted run ' +
    'is gone on with, or taken back with --abort. docs/iam.md has the whole story.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> mfa && <%= config.bin %> <%= command.id %> --max-age 90d',
    '<%= config.bin %> <%= command.id %> --abort',
  ];
  static override flags = {
    ...KEY_FLAGS,
    'max-age': Flags.string({
      helpValue: 'AGE',
      summary: 'leave a younger key alone, and say nothing; as 90d',
    }),
    grace: Flags.string({
      helpValue: 'AGE',
      summary: 'how long the old key stays, deactivated, before a run deletes it; 0: no time',
      default: '1d',
    }),
    'delete-inactive': Flags.boolean({
      summary: 'delete an inactive second key, which is in the way',
    }),
    resume: Flags.boolean({
      summary: 'only go on with a rotation that was begun',
      exclusive: ['abort', 'max-age'],
    }),
    abort: Flags.boolean({ summary: 'take the rotation back, as long as the old key is there' }),
  };

  override async run(): Promise<RotationResult> {
    const { flags } = await this.parse(IamRotateKeys);
    const { parseAge } = await import('../../platform/duration.ts');
    const { ASK_PERSON } = await import('../../cli/prompts.ts');
    const { keyProfile } = await import('../../credentials/own-user/key-profile.ts');
    const { userSession } = await import('../../credentials/own-user/user-session.ts');
    const { rotateKey } = await import('../../credentials/rotation/rotate-key.ts');
    const { withSharedStores } = await import('../../credentials/stored-keys/key-places.ts');
    const maxAge = flags['max-age'];
    const asked = await this.query(flags);
    const { query, ofOther } = keyProfile(asked, process.env);
    if (ofOther !== undefined)
      this.talk(printable(`${asked.profile} uses the key of [${ofOther}]`));
    const world = withSharedStores({ ...(await this.keyWorld()), now: Date.now });
    const say = (level: string, text: string) => level === 'warning' && this.talk(text);
    const signIn = () => userSession(query, asked.profile, { ...world, ...ASK_PERSON, say });
    const result = await rotateKey(
      {
        ...query,
        mode: flags.abort ? 'abort' : flags.resume ? 'resume' : 'usual',
        maxAgeMs: maxAge === undefined ? undefined : parseAge(maxAge),
        graceMs: parseAge(flags.grace),
        deletesInactive: flags['delete-inactive'],
      },
      { ...world, signIn },
    );
    const isQuiet = maxAge !== undefined && ['young', 'waiting'].includes(result.action);
    if (!isQuiet) this.log(printable(TEXTS[result.action](result)));
    for (const place of result.plainCopies) {
      this.talk(printable(`the old secret is still in ${place}, where it works no more`));
    }
    if (result.action === 'rotated') {
      this.talk(
        'Sessions that were made with the old key stay good until they end; after a leak, deny them by policy (aws:TokenIssueTime).',
      );
    }
    return result;
  }
}

const former = ({ formerSuffix }: RotationResult): string => `…${formerSuffix ?? ''}`;

const TEXTS: Record<RotationResult['action'], (result: RotationResult) => string> = {
  young: ({ section, created }) =>
    `The key of [${section}] is of ${created ?? 'unknown age'}: nothing is changed`,
  rotated: (result) =>
    `[${result.section}] has the new key …${result.accessKeyIdSuffix}; ${former(result)} is deactivated, ` +
    `and a run after ${result.deletionDue ?? ''} deletes it`,
  waiting: (result) =>
    `${former(result)} is deactivated, and a run after ${result.deletionDue ?? ''} deletes it (--grace 0: this one)`,
  finished: (result) =>
    `[${result.section}] has the key …${result.accessKeyIdSuffix}; ${former(result)} is deleted`,
  aborted: (result) =>
    `[${result.section}] has the key …${result.accessKeyIdSuffix} as before; nothing is left of the rotation`,
  nothing: ({ section }) => `There is no rotation of the key of [${section}] to go on with`,
};
