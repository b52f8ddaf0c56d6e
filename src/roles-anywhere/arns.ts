import { DevaccessError, EXIT } from '../platform/errors.ts';
import { checkRegion } from '../aws/region.ts';

/** The three resources that a session is made from, and the region they are in. */
export interface SessionArns {
  readonly trustAnchorArn: string;
  readonly profileArn: string;
  readonly roleArn: string;
  readonly region: string;
}

interface GivenArns {
  trustAnchorArn: string | undefined;
  profileArn: string | undefined;
  roleArn: string | undefined;
  /** Else the trust anchor's. */
  region: string | undefined;
}

/** Narrower than the API's own patterns, which take nearly anything; whether an id is one is for the service. */
const TRUST_ANCHOR =
  /^arn:aws(?:-[a-z-]+)?:rolesanywhere:([a-z0-9-]+):\d{12}:trust-anchor\/[\w-]{1,128}$/;
const PROFILE = /^arn:aws(?:-[a-z-]+)?:rolesanywhere:([a-z0-9-]+):\d{12}:profile\/[\w-]{1,128}$/;
const ROLE = /^arn:aws(?:-[a-z-]+)?:iam::\d{12}:role\/[\x21-\x7e]{1,576}$/;

/**
 * Checks the ARNs of a session and settles its region.
 *
 * @throws DevaccessError DA_USAGE naming the flag
 */
export function sessionArns(given: GivenArns): SessionArns {
  const anchor = matched(given.trustAnchorArn, TRUST_ANCHOR, '--trust-anchor-arn');
  const profile = matched(given.profileArn, PROFILE, '--profile-arn');
  const role = matched(given.roleArn, ROLE, '--role-arn');
  if (anchor.region !== profile.region) {
    throw usage(
      `The trust anchor is in ${anchor.region} and the profile in ${profile.region}`,
      'give a trust anchor and a profile of one region',
    );
  }
  return {
    trustAnchorArn: anchor.arn,
    profileArn: profile.arn,
    roleArn: role.arn,
    region: checkRegion(given.region ?? anchor.region),
  };
}

function matched(
  arn: string | undefined,
  form: RegExp,
  flag: string,
): { arn: string; region: string } {
  if (arn === undefined) {
    throw usage(`${flag} is missing`, `give ${flag}; devaccess anywhere setup prints it`);
  }
  const match = form.exec(arn);
  if (match !== null) return { arn, region: match[1] ?? '' };
  throw usage(`'${arn}' is not what ${flag} takes`, `give an ARN such as ${EXAMPLES[flag] ?? ''}`);
}

const EXAMPLES: Readonly<Record<string, string>> = {
  '--trust-anchor-arn': 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/UUID',
  '--profile-arn': 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/UUID',
  '--role-arn': 'arn:aws:iam::123456789012:role/NAME',
};

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
