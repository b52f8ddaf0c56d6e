import { sectionValues } from '../aws/files/ini-document.ts';
import type { SectionNames } from './mfa-choices.ts';
import { plainSetting, profileSettings } from './profiles.ts';
import type { AwsFiles } from './profiles.ts';
import { pointerOf } from './section-pointer.ts';

const LONG_TERM = '-long-term';

/** Where the session lies that a role's profile is assumed with. */
export interface MfaBase {
  names: SectionNames;
  /** `mfa_serial` of the role's profile. */
  device: string | undefined;
}

/**
 * For a profile with `role_arn` and no long-term key of its own: the sections of the profile at the
 * end of its chain of `source_profile`, whose session is wanted when the role is. That is `B` with
 * `B-long-term`; or, as the AWS CLI has it, a `B` with a long-term key, whose session then lies in
 * `B-mfa`. Undefined where the chain ends in neither.
 */
export function mfaBase(files: AwsFiles, profile: string): MfaBase | undefined {
  const visited = new Set<string>();
  let device: string | undefined;
  let name = profile;
  for (;;) {
    const base = sectionsOf(files, name);
    if (visited.size > 0 && base !== undefined) return { names: base, device };
    visited.add(name);
    const settings = profileSettings(files, name);
    const source = plainSetting(settings, 'source_profile');
    if (!settings?.has('role_arn') || source === undefined || visited.has(source)) return undefined;
    device ??= plainSetting(settings, 'mfa_serial');
    name = source;
  }
}

function sectionsOf({ credentials }: AwsFiles, name: string): SectionNames | undefined {
  const has = (section: string): boolean => sectionValues(credentials, section) !== undefined;
  if (has(`${name}${LONG_TERM}`)) return { longTerm: `${name}${LONG_TERM}`, shortTerm: name };
  const own = sectionValues(credentials, name);
  const hasKey = own?.has('aws_access_key_id') === true || pointerOf(own) !== undefined;
  if (!hasKey || own?.has('aws_session_token') === true) return undefined;
  const isNamed = name.endsWith(LONG_TERM) && name !== LONG_TERM;
  return { longTerm: name, shortTerm: isNamed ? name.slice(0, -LONG_TERM.length) : `${name}-mfa` };
}
