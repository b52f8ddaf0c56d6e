import type { OwnProgram } from '../../aws/process-line.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { awsCredentialsFile } from '../../platform/paths.ts';
import { checkEditable } from '../../platform/safe-file.ts';
import { CREDENTIALS_EDIT, readCredentialsFile } from '../../aws/files/credentials-file.ts';
import { sectionValues } from '../../aws/files/ini-document.ts';
import { refuseBroken } from '../../aws/files/ini-edit.ts';
import type { KeyPlace, KeyWorld } from './key-places.ts';
import { keyIn } from './key-section.ts';
import { settleMoves, transferKey } from './key-transfer.ts';
import { askLongTermKey, askProfile, checkNewSection, sectionExists } from '../long-term-setup.ts';
import type { SetupQuestion } from '../long-term-setup.ts';
import { longTermName } from '../mfa-choices.ts';
import { moveKey, openBoth } from './move-key.ts';
import type { MoveResult } from './move-key.ts';
import { withKeyLock } from './move-record.ts';
import { processLine } from '../process-profile.ts';

export interface LoginSetup {
  /** Asked for when missing. */
  profile: string | undefined;
  longTermSuffix: string | undefined;
  /** Undefined leaves it to devaccess: the keychain. */
  place: KeyPlace | undefined;
  /** Have other AWS tools ask devaccess for the key (`credential_process`). */
  forTools: OwnProgram | undefined;
}

/** What `devaccess login setup --json` prints for a new section. Holds no secret. */
export interface LoginSetupResult {
  profile: string;
  action: 'set-up';
  section: string;
  place: KeyPlace;
  /** Last four characters. */
  accessKeyIdSuffix: string;
}

export interface SetupWorld extends KeyWorld {
  ask: (question: SetupQuestion) => Promise<string>;
  say: (text: string) => void;
}

/**
 * Asks for a long-term key and its MFA device and keeps the key in the place that was asked for; the
 * credentials file gets a section that says where. A section that has its key in plain text is moved
 * there.
 *
 * @throws DevaccessError DA_PROFILE_EXISTS, DA_USAGE, DA_NO_TERMINAL, DA_CANCELLED and those of
 *   `moveKey`
 */
export async function setUpLogin(
  asked: LoginSetup,
  world: SetupWorld,
): Promise<LoginSetupResult | MoveResult> {
  const { env, ask } = world;
  for (const done of await settleMoves(world)) world.say(done);
  const file = awsCredentialsFile(env);
  refuseBroken(readCredentialsFile(env), file);
  checkEditable(file, CREDENTIALS_EDIT);
  const profile = asked.profile ?? (await askProfile(ask));
  const section = longTermName(profile, asked.longTermSuffix);
  const { forTools } = asked;
  const present = sectionValues(readCredentialsFile(env), section);
  if (present !== undefined) {
    const isPlain = keyIn(present, section)?.plain !== undefined;
    if (!isPlain || asked.place === undefined) throw sectionExists(file, section, isPlain);
    const { longTermSuffix } = asked;
    return moveKey({ profile, longTermSuffix, to: asked.place, forTools }, world);
  }
  // Also refuses a name that cannot be written, before a secret is typed.
  checkNewSection(section, env);
  const place = asked.place ?? 'keychain';
  if (place === 'plain' && forTools !== undefined) {
    throw new DevaccessError('DA_USAGE', 'A key in plain text needs no credential_process', {
      next: 'leave the option away',
      exitCode: EXIT.usage,
    });
  }
  const stores = await openBoth([place], world);
  const { device, ...secret } = await askLongTermKey(ask);
  const extra = {
    ...(device === undefined ? {} : { aws_mfa_device: device }),
    ...(forTools === undefined ? {} : { credential_process: processLine(section, forTools) }),
  };
  await withKeyLock(env, () =>
    transferKey({ section, from: undefined, to: place, secret, extra }, world, stores),
  );
  const accessKeyIdSuffix = secret.accessKeyId.slice(-4);
  return { profile, action: 'set-up', section, place, accessKeyIdSuffix };
}
