import { credentialProcessLine } from '../../aws/process-line.ts';
import type { OwnProgram } from '../../aws/process-line.ts';
import { checkRegion } from '../../aws/region.ts';
import { checkConsumerName } from './published-credentials.ts';

export interface ConsumerProfile {
  /** As it is published. */
  name: string;
  /** The profile that gets the line. */
  profile: string;
  region: string | undefined;
  program: OwnProgram;
  /** What says where it is published, where that is another place. */
  dir: readonly string[];
}

/**
 * A profile for the config file of a consumer.
 *
 * @throws DevaccessError DA_UNQUOTABLE_PATH, DA_USAGE
 */
export function consumerProfile(wanted: ConsumerProfile): string {
  const { name, profile, region, program, dir } = wanted;
  const section = checkConsumerName(profile) === 'default' ? '[default]' : `[profile ${profile}]`;
  const words = ['nodes', 'credentials', '--name', checkConsumerName(name), ...dir];
  const lines = [
    section,
    `credential_process = ${credentialProcessLine(program, words)}`,
    ...(region === undefined ? [] : [`region = ${checkRegion(region)}`]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
