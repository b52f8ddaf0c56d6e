import { partitionName } from '../../aws/region.ts';
import { mfaCommand } from '../../aws/service-errors.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import type { Environment } from '../../platform/paths.ts';
import type { PlannedKey, SectionNames } from '../mfa-choices.ts';
import { planMfa } from '../mfa-plan.ts';
import { profileSettings } from '../profiles.ts';
import type { AwsFiles } from '../profiles.ts';

/** What `devaccess mfa` would work with. Holds a secret. */
export interface MfaSetup {
  names: SectionNames;
  /** At hand, or in a store that is not opened here: that could ask for a passphrase. */
  key: PlannedKey;
  device: string;
}

/**
 * What `devaccess mfa` would do for a profile, and what is in its way. Asks nobody, for no code and
 * no password.
 *
 * @param region where servers are looked for
 * @returns no setup where there is no long-term key, which other sources do not need
 */
export function mfaSetup(
  { files, profile, region }: { files: AwsFiles; profile: string; region: string | undefined },
  env: Environment,
): { setup: MfaSetup | undefined; hasLongTermKey: boolean; findings: Finding[] } {
  try {
    const { names, key, source } = planMfa({ profile }, env);
    const setup = { names, key, device: source.device };
    return { setup, hasLongTermKey: true, findings: [deviceFinding(setup, region)] };
  } catch (error) {
    if (!(error instanceof DevaccessError)) throw error;
    const isThere = profileSettings(files, `${profile}-long-term`) !== undefined;
    return { setup: undefined, hasLongTermKey: isThere, findings: refusal(error, profile) };
  }
}

/** That files cannot be read, or have errors, is told with the files. */
function refusal({ code, message, next = '' }: DevaccessError, profile: string): Finding[] {
  switch (code) {
    case 'DA_NO_MFA_DEVICE':
      return [finding('mfa-no-device', 'warning', message, { edit: next })];
    case 'DA_USAGE': {
      // Told for itself.
      if (message.endsWith('is not an AWS region')) return [];
      const isKey = message.startsWith('A security key');
      const id = isKey ? 'mfa-device-unusable' : 'mfa-setting';
      return [
        finding(id, 'problem', `${mfaCommand(profile)} would fail: ${message}`, { edit: next }),
      ];
    }
    default:
      return [];
  }
}

function deviceFinding({ device, names }: MfaSetup, region: string | undefined): Finding {
  const partition = /^arn:([\w-]+):/.exec(device)?.[1];
  const expected = region === undefined ? partition : partitionName(region);
  if (partition !== undefined && partition !== expected) {
    return finding(
      'mfa-device-partition',
      'problem',
      `The MFA device ${device} is of the partition ${partition}, and the region ${region ?? ''} is of ${expected ?? ''}`,
      { edit: `correct aws_mfa_device in [${names.longTerm}], or the region` },
    );
  }
  return finding('mfa-device', 'ok', `MFA device of [${names.longTerm}]: ${device}`);
}

/** Whether the device belongs to the account of the key. */
export function deviceAccountFinding(setup: MfaSetup, account: string): Finding[] {
  const owner = /^arn:[\w-]+:iam::(\d{12}):/.exec(setup.device)?.[1];
  if (owner === undefined || owner === account) return [];
  const what = `The MFA device ${setup.device} is of account ${owner}, but the key is of ${account}`;
  return [
    finding('mfa-device-account', 'problem', what, {
      edit: `correct aws_mfa_device in [${setup.names.longTerm}]`,
    }),
  ];
}

/** What IAM lists for the user. */
export function listedDeviceFindings(
  setup: MfaSetup | undefined,
  listed: readonly string[],
): Finding[] {
  const usable = listed.filter((serial) => !serial.includes(':u2f/'));
  const passkeys = listed.length - usable.length;
  const findings: Finding[] = [];
  if (setup !== undefined && usable.includes(setup.device)) {
    findings.push(finding('mfa-device-listed', 'ok', 'IAM lists the MFA device for the user'));
  } else if (setup !== undefined) {
    const [only] = usable;
    const others = usable.length === 0 ? 'none' : usable.join(', ');
    findings.push(
      finding(
        'mfa-device-unlisted',
        'problem',
        `IAM does not list the MFA device ${setup.device} for the user; usable are: ${others}`,
        {
          edit:
            only === undefined
              ? 'register a virtual MFA device (authenticator app)'
              : `set aws_mfa_device = ${only} in [${setup.names.longTerm}]`,
        },
      ),
    );
  }
  if (passkeys > 0) {
    const what = `${passkeys} of the user's MFA devices are security keys or passkeys, which STS cannot take`;
    findings.push(finding('mfa-passkeys', 'note', what));
  }
  return findings;
}
