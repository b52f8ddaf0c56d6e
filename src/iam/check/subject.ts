import type { CallerIdentity } from '../../aws/caller-identity.ts';
import type { ClientOptions } from '../../aws/client-settings.ts';
import { readRoleArn, readUser } from '../../aws/iam-administration.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';

/** Who is checked. */
export interface Subject {
  arn: string;
  kind: 'user' | 'role';
  name: string;
  /** `aws:userid`, or one that stands for it where it is not known. */
  userId: string;
  /** Of a session; else as `name`. */
  sessionName: string;
  /** The ARN may lack its path: sessions of a role do not tell it, and names alone do not either. */
  isPathUnknown: boolean;
}

const ANY_USER = 'AIDA0F0F0F0F0F0F0F0F';
const ANY_ROLE = 'AROA0F0F0F0F0F0F0F0F';
const SUBJECT = /^arn:[\w-]+:(?:iam|sts)::\d{12}:(user|role|assumed-role)\/([\x21-\x7e]+)$/;

/** @throws DevaccessError DA_USAGE, DA_NOT_A_USER */
export function subjectOf(
  as: string | undefined,
  { arn, account, userId }: CallerIdentity,
): Subject {
  const partition = arn.split(':')[1] ?? 'aws';
  const named =
    as === undefined || as.startsWith('arn:')
      ? (as ?? arn)
      : `arn:${partition}:iam::${account}:${/^(user|role)\//.test(as) ? as : `user/${as}`}`;
  const [, kind, path] = SUBJECT.exec(named) ?? [];
  if (kind === undefined || path === undefined) {
    if (as === undefined) {
      throw new DevaccessError('DA_NOT_A_USER', `${arn} has no policies to be checked`, {
        next: 'use the credentials of a user or a role, or give --as',
      });
    }
    throw new DevaccessError('DA_USAGE', `'${as}' is neither a user nor a role`, {
      next: 'give --as alice, --as role/NAME or an ARN',
      exitCode: EXIT.usage,
    });
  }
  const parts = path.split('/');
  if (kind === 'assumed-role') {
    const [role = '', session = role] = parts;
    const [, ofPartition = partition, , , ofAccount = account] = named.split(':');
    return {
      arn: `arn:${ofPartition}:iam::${ofAccount}:role/${role}`,
      kind: 'role',
      name: role,
      userId: named === arn ? userId : `${ANY_ROLE}:${session}`,
      sessionName: session,
      isPathUnknown: true,
    };
  }
  const name = parts.at(-1) ?? '';
  const isCaller = named === arn;
  return {
    arn: named,
    kind: kind === 'user' ? 'user' : 'role',
    name,
    userId: isCaller ? userId : kind === 'user' ? ANY_USER : `${ANY_ROLE}:${name}`,
    sessionName: name,
    isPathUnknown: as !== undefined && !as.startsWith('arn:') && parts.length === 1,
  };
}

/**
 * The ARN with its path, which IAM tells by the name. Roles of IAM Identity Center have one.
 *
 * @returns undefined where there is no other ARN; null where IAM does not let the caller look
 */
export async function fullArn(
  { kind, name, arn }: Subject,
  client: ClientOptions,
): Promise<string | undefined | null> {
  try {
    const told =
      kind === 'role' ? await readRoleArn(client, name) : (await readUser(client, name))?.arn;
    return told === arn || told === '' ? undefined : told;
  } catch (error) {
    if (error instanceof DevaccessError && error.code === 'DA_ACCESS_DENIED') return null;
    throw error;
  }
}
