import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isoSeconds } from '../../aws/expiration.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { fileError } from '../../platform/file-errors.ts';
import { expandHome } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { pemText } from '../../platform/pem.ts';
import { editFile, makeFolder } from '../../platform/safe-file.ts';
import { shellWord } from '../../platform/shell-quote.ts';
import { isNearEnd } from '../certificate-end.ts';
import { RESOURCE_FILES, renderResources } from './account-resources.ts';
import type { ResourceFormat } from './account-resources.ts';
import { issueMachine, openAuthority } from './small-authority.ts';
import type { IssuedFiles, KeyKind } from './small-authority.ts';

export interface SetupOrder {
  directory: string;
  /** Common name of its certificate, and the name of its files. */
  machine: string;
  isRenewed: boolean;
  /** Of the trust anchor, the role and the profile. */
  name: string;
  region: string;
  kind: KeyKind;
  days: number;
  authorityDays: number;
  durationSeconds: number;
  policyArns: readonly string[];
  format: ResourceFormat;
}

interface SetupWorld {
  env: Environment;
  nowMs: number;
  askPassphrase: (message: string) => Promise<string>;
}

interface MadeCertificate {
  outcome: IssuedFiles['outcome'];
  certificate: string;
  key: string;
  /** ISO 8601. */
  expires: string;
}

export interface SetupResult {
  authority: MadeCertificate;
  machine: MadeCertificate;
  /** Trust anchor, role and profile as code. */
  resources: string;
  /** Commands, in their order; what they print is the next one. */
  next: string[];
  /** What the person should know. */
  notices: string[];
}

/** Also a file's name. */
const MACHINE = /^(?!ca$)[A-Za-z0-9][\w.-]{0,62}$/;
/** Of trust anchors, profiles, roles and stacks alike. */
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;
const POLICY = /^arn:aws(?:-[a-z-]+)?:iam::(?:aws|\d{12}):policy\/[\w+=,.@/-]{1,512}$/;

/**
 * Makes a small authority, a machine's certificate and the code of what the account needs; what is
 * there already is kept.
 *
 * @throws DevaccessError DA_USAGE, DA_FILE_NOT_WRITABLE; those of `openAuthority` and `issueMachine`
 */
export async function setUp(order: SetupOrder, world: SetupWorld): Promise<SetupResult> {
  check(order);
  const { machine, name, kind, format, region } = order;
  const folder = resolve(expandHome(order.directory, world.env));
  try {
    makeFolder(folder);
  } catch (error) {
    throw fileError(error, 'write', folder);
  }
  const authority = await openAuthority(
    folder,
    { name: `${name} CA`, kind, days: order.authorityDays },
    world,
  );
  const issued = await issueMachine(folder, authority, { ...order, machine }, world);
  const file = join(folder, RESOURCE_FILES[format]);
  const command = [
    ...['devaccess', 'anywhere', 'credential-process'],
    ...['--certificate', shellWord(issued.certificateFile)],
    ...['--private-key', shellWord(issued.keyFile)],
  ];
  const isMade = !existsSync(file) || authority.outcome === 'created';
  const resources = {
    ...order,
    authority: pemText('CERTIFICATE', authority.certificate.der),
    command,
  };
  if (isMade) await editFile(file, () => renderResources(format, resources));
  return {
    authority: made(authority),
    machine: made(issued),
    resources: file,
    // What the account has knows every machine of the authority.
    next:
      authority.outcome === 'created' || isMade
        ? commands(format, { file, folder, name, region })
        : [],
    notices: isNearEnd(authority.certificate, world.nowMs) ? [ends(authority)] : [],
  };
}

/** What it vouches for ends with it, so that another must be known in time. */
function ends({ certificate, certificateFile }: IssuedFiles): string {
  return `the authority ${certificateFile} ends on ${isoSeconds(certificate.notAfterMs)}: make another in another --directory in time, and let the trust anchor hold both`;
}

function made({ outcome, certificate, certificateFile, keyFile }: IssuedFiles): MadeCertificate {
  const expires = isoSeconds(certificate.notAfterMs);
  return { outcome, certificate: certificateFile, key: keyFile, expires };
}

function commands(
  format: ResourceFormat,
  place: { file: string; folder: string; name: string; region: string },
): string[] {
  const file = shellWord(place.file);
  const { name, region } = place;
  switch (format) {
    case 'cli':
      return [`sh ${file}`];
    case 'cloudformation':
      return [
        `aws cloudformation deploy --region ${region} --stack-name ${name} --template-file ${file} --capabilities CAPABILITY_NAMED_IAM`,
        `aws cloudformation describe-stacks --region ${region} --stack-name ${name} --query "Stacks[0].Outputs[0].OutputValue" --output text`,
      ];
    case 'terraform':
      return ['init', 'apply', 'output -raw command'].map(
        (words) => `AWS_REGION=${region} terraform -chdir=${shellWord(place.folder)} ${words}`,
      );
  }
}

function check({
  machine,
  name,
  policyArns,
  days,
  authorityDays,
  durationSeconds,
}: SetupOrder): void {
  if (!MACHINE.test(machine)) {
    throw usage(`'${machine}' is not what --machine takes`, 'give letters, digits and . _ - only');
  }
  if (!NAME.test(name)) {
    throw usage(`'${name}' is not what --name takes`, 'give letters, digits and - only');
  }
  const strange = policyArns.find((arn) => !POLICY.test(arn));
  if (strange !== undefined) {
    throw usage(`'${strange}' is not the ARN of a policy`, 'give one of a managed policy of IAM');
  }
  if (days > authorityDays) {
    throw usage('A certificate cannot outlive its authority', 'give fewer --days');
  }
  if (durationSeconds < 900 || durationSeconds > 43_200) {
    throw usage(`--session-duration ${durationSeconds}`, 'give 900 to 43200 seconds');
  }
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
