import { checkRegion, partitionName } from '../../aws/region.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';

/** Where a policy holds. */
export interface PolicyPlace {
  partition: string;
  account: string;
  regions: readonly string[];
}

/** Which nodes a policy is about: those with all the tags, and those named. None of both: all nodes. */
export interface NodeScope {
  /** Tag key → values of which a node has one. */
  tags: ReadonlyMap<string, readonly string[]>;
  /** `i-…` and `mi-…`. */
  targets: readonly string[];
}

/** A document that sessions may be started with. */
export interface DocumentName {
  name: string;
  /** The account it belongs to; empty for those of AWS, whose ARNs have no account. */
  account: string;
}

const NODE_ID = /^(i-[0-9a-f]{8}|i-[0-9a-f]{17}|mi-[0-9a-f]{17})$/;
const DOCUMENT = /^[a-zA-Z0-9_.-]{3,128}$/;
const DOCUMENT_ARN = /^arn:aws[a-z-]*:ssm:[a-z0-9-]+:(\d{12}|):document\/([a-zA-Z0-9_.-]{3,128})$/;
/** Prefixes that accounts cannot give to documents of their own. */
const AWS_OWNED = /^(aws|amazon|amzn)/i;
const KEY_ARN = /^arn:(aws[a-z-]*):kms:([a-z0-9-]+):\d{12}:key\/[a-zA-Z0-9-]{1,64}$/;
/** What all of AWS allows in tags, as far as a policy can hold it: IAM takes U+0020 to U+00FF only. */
const TAG_KEY = /^[\p{L}\p{N} _.:/=+@-]*$/u;
/** EC2 allows more, such as `R&D (web)`; `{{` begins references in CloudFormation. */
const TAG_VALUE = /^(?!.*\{\{)[\u0020-\u007e\u00a1-\u00ff]*$/u;
const IAM_NAME = /^[\w+=,.@-]+$/;
const OS_USER = /^[a-z_][a-z0-9_-]{0,31}\$?$/;
const ROLE = /^arn:(aws[a-z-]*):iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/;
const ROLE_SESSIONS = /^arn:aws[a-z-]*:(iam::\d{12}:role\/|sts::)/;
const PRINCIPAL = /^arn:aws[a-z-]*:iam::\d{12}:(root|user\/[\w+=,.@/-]{1,576})$/;

/** @throws DevaccessError DA_USAGE */
export function policyPlace(account: string, regions: readonly string[]): PolicyPlace {
  if (!/^\d{12}$/.test(account)) {
    throw wrong(`'${account}' is not an AWS account`, 'give its twelve digits');
  }
  const distinct = [...new Set(regions.map(checkRegion))];
  const partitions = new Set(distinct.map(partitionName));
  const [partition, other] = partitions;
  if (partition === undefined) throw wrong('A policy needs a region', 'give --region');
  if (other !== undefined) {
    throw wrong(
      `Regions of ${[...partitions].join(' and ')} have no account in common`,
      'make a policy for each partition',
    );
  }
  return { partition, account, regions: distinct };
}

/**
 * @param tags each `KEY=VALUE`
 * @throws DevaccessError DA_USAGE
 */
export function nodeScope(tags: readonly string[], targets: readonly string[]): NodeScope {
  const byKey = new Map<string, string[]>();
  const spelt = new Map<string, string>();
  for (const text of tags) {
    const { key, value } = readTag(text);
    // Condition keys do not tell case: IAM would take both for one.
    const earlier = spelt.get(key.toLowerCase()) ?? key;
    if (earlier !== key) {
      throw wrong(`IAM cannot tell the tags ${earlier} and ${key} apart`, 'use one of them');
    }
    spelt.set(key.toLowerCase(), key);
    const values = byKey.get(key) ?? [];
    byKey.set(key, values.includes(value) ? values : [...values, value]);
  }
  for (const target of targets) {
    if (!NODE_ID.test(target)) {
      throw wrong(`'${target}' is not the id of a node`, 'give one such as i-0123456789abcdef0');
    }
  }
  return { tags: byKey, targets: [...new Set(targets)] };
}

function readTag(text: string): { key: string; value: string } {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) {
    throw wrong(`'${text}' is not a tag`, 'give --tag KEY=VALUE');
  }
  if (!TAG_KEY.test(key) || /[^\u0020-\u00ff]/.test(key) || !TAG_VALUE.test(value)) {
    throw wrong(
      `The tag '${text}' cannot be in a policy`,
      'keys hold letters of Latin-1, digits, spaces and _ . : / = + @ - alone, values any sign of Latin-1 but {{; use another tag',
    );
  }
  if (key.length > 128 || value.length > 256) {
    throw wrong(`The tag '${key}' is longer than AWS allows`, 'keys have 128, values 256 at most');
  }
  return { key, value };
}

/**
 * Reads the name or the ARN of a Session document.
 *
 * @throws DevaccessError DA_USAGE
 */
export function documentName(text: string, place: PolicyPlace): DocumentName {
  const [, arnAccount, arnName] = DOCUMENT_ARN.exec(text) ?? [];
  const name = arnName ?? text;
  if (!DOCUMENT.test(name)) {
    throw wrong(`'${text}' is not a document`, 'give a name such as AWS-StartSSHSession');
  }
  if (/^AWS-Run/i.test(name)) {
    throw wrong(
      `${name} is no Session document: it is for Run Command`,
      'give --for run-command, which lets people run what they like as root',
    );
  }
  // Whatever account is written there: documents of AWS are found under none.
  if (AWS_OWNED.test(name)) return { name, account: '' };
  return { name, account: arnAccount ?? place.account };
}

/** @throws DevaccessError DA_USAGE */
export function kmsKeyArn(text: string, place: PolicyPlace): string {
  const [, partition, region] = KEY_ARN.exec(text) ?? [];
  if (partition === undefined || region === undefined) {
    throw wrong(
      `'${text}' is not the ARN of a KMS key`,
      'give arn:aws:kms:REGION:ACCOUNT:key/ID; an alias cannot be the resource of kms:GenerateDataKey',
    );
  }
  if (partition !== place.partition) {
    throw wrong(`The key ${text} is not in ${place.partition}`, 'give one of the same partition');
  }
  if (!place.regions.includes(region)) {
    throw wrong(
      `The key ${text} is in none of the policy's regions`,
      `sessions use keys of their own region; give --region ${region}`,
    );
  }
  return text;
}

/** @throws DevaccessError DA_USAGE */
export function roleArn(text: string, { partition }: PolicyPlace): string {
  if (ROLE.exec(text)?.[1] === partition) return text;
  throw wrong(
    `'${text}' is not the ARN of a role in ${partition}`,
    `give one such as arn:${partition}:iam::123456789012:role/shop`,
  );
}

/** @throws DevaccessError DA_USAGE */
export function osUser(text: string): string {
  if (OS_USER.test(text)) return text;
  throw wrong(`'${text}' is not the name of a user`, 'give one such as ec2-user');
}

/**
 * The name of a policy, group or role.
 *
 * @param maxLength 64 for a role, 128 for the others
 * @throws DevaccessError DA_USAGE
 */
export function iamName(text: string, maxLength: number): string {
  if (IAM_NAME.test(text) && text.length <= maxLength) return text;
  throw wrong(
    `'${text}' cannot be a name in IAM`,
    `give up to ${maxLength} letters, digits and + = , . @ _ -`,
  );
}

/**
 * Who may assume a role: an account, or a user of one.
 *
 * @throws DevaccessError DA_USAGE, also for roles: their sessions carry no MFA, which is asked for
 */
export function trustedPrincipal(text: string, { partition }: PolicyPlace): string {
  const arn = /^\d{12}$/.test(text) ? `arn:${partition}:iam::${text}:root` : text;
  if (ROLE_SESSIONS.test(arn)) {
    throw wrong(
      `Sessions of ${text} carry no MFA, so they could never assume a role that asks for it`,
      'trust users or an account; for IAM Identity Center put the policy into a permission set',
    );
  }
  if (!PRINCIPAL.test(arn)) {
    throw wrong(`'${text}' is nobody to trust`, 'give an account id or the ARN of a user');
  }
  if (arn.split(':')[1] !== partition) {
    throw wrong(`${text} is not in ${partition}`, 'a role trusts its own partition only');
  }
  return arn;
}

function wrong(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
