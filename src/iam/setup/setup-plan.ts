import { readGroup, readUser } from '../../aws/iam-administration.ts';
import type { Change, GroupState, UserState } from '../../aws/iam-administration.ts';
import type { ClientOptions } from '../../aws/client-settings.ts';
import { listAccessKeys, listMfaDevices, listUnassignedDevices } from '../../aws/own-user.ts';
import type { ListedKey } from '../../aws/own-user.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import type { GeneratedPolicy } from '../generated-policy.ts';
import { iamName } from '../policy/policy-scope.ts';
import { POLICY_LIMITS } from '../policy/policy-size.ts';
import type { PendingKeys } from './pending-keys.ts';
import { lostKeys } from './user-key.ts';

/** Whom `devaccess iam setup-user` sets up. */
export interface SetupWords {
  users: readonly string[];
  /** What the group may do; its name is that of the group and of its policy. */
  policy: GeneratedPolicy;
  /** ARN of a managed policy. */
  boundary: string | undefined;
  /** The user that shells run as on the servers (SSMSessionRunAs). */
  runAs: string | undefined;
  /** An access key for those who have none; those that are being made are noted there. */
  keys: Pick<PendingKeys, 'since'> | undefined;
}

/** One step, as a person reads it, and what IAM is asked for. */
export interface SetupStep {
  text: string;
  change: Change | { operation: 'CreateAccessKey'; UserName: string } | OldCredential;
}

/** What a user who is deleted has to be rid of first. */
export type OldCredential =
  | { operation: 'DeleteAccessKey'; UserName: string; AccessKeyId: string }
  | { operation: 'DeactivateMFADevice'; UserName: string; SerialNumber: string }
  | { operation: 'DeleteVirtualMFADevice'; SerialNumber: string };

export interface SetupPlan {
  group: string;
  users: readonly string[];
  steps: SetupStep[];
  notices: string[];
}

export const RUN_AS_TAG = 'SSMSessionRunAs';
/** On users that were made here: those `--undo` deletes. */
export const MADE_TAG = 'devaccess:made-for';

const OS_USER = /^[a-z_][a-z0-9_-]{0,31}$/;
const POLICY_ARN = /^arn:aws[a-z-]*:iam::(aws|\d{12}):policy\/[\w+=,.@/-]{1,512}$/;

/** @throws DevaccessError DA_USAGE, DA_POLICY_SIZE */
export function checkSetup({ users, policy, boundary, runAs }: SetupWords): void {
  for (const user of users) iamName(user, 64);
  if (new Set(users.map((each) => each.toLowerCase())).size < users.length) {
    throw usage('A user is named twice', 'IAM does not tell names by their case');
  }
  if (runAs === 'root') {
    throw usage(
      'Session Manager runs no shell as root',
      'name another user; sudo is theirs to have',
    );
  }
  if (runAs !== undefined && !OS_USER.test(runAs)) {
    throw usage(`'${runAs}' is not the name of a user of a server`, 'give one such as ec2-user');
  }
  if (boundary !== undefined && !POLICY_ARN.test(boundary)) {
    throw usage(
      `'${boundary}' is not the ARN of a managed policy`,
      'give arn:aws:iam::ACCOUNT:policy/NAME',
    );
  }
  if (policy.size.characters > POLICY_LIMITS['inline of a group']) {
    throw new DevaccessError(
      'DA_POLICY_SIZE',
      `The policy has ${policy.size.characters} characters, and a group takes ${POLICY_LIMITS['inline of a group']}`,
      {
        next: 'give fewer --for or --region, or attach what devaccess iam policy --format cloudformation makes',
      },
    );
  }
}

/**
 * What is left to do, from what IAM has now; nothing where all is as wanted.
 *
 * @throws DevaccessError those of `checkSetup` and of `iamError`
 */
export async function setupPlan(words: SetupWords, client: ClientOptions): Promise<SetupPlan> {
  checkSetup(words);
  const { users, policy } = words;
  const group = policy.name;
  const present = await readGroup(client, group, group);
  const steps = groupSteps(words, present);
  const keyNotices: string[] = [];
  for (const name of users) {
    const user = await readUser(client, name);
    steps.push(...userSteps(words, name, user));
    if (present?.members.includes(name) !== true) {
      const asked = { operation: 'AddUserToGroup', GroupName: group, UserName: name } as const;
      steps.push({ text: `add ${name} to the group ${group}`, change: asked });
    }
    if (words.keys === undefined) continue;
    const keys = user === undefined ? [] : await listAccessKeys(client, name);
    const sinceMs = keys.length === 0 ? undefined : words.keys.since(name);
    const lost = sinceMs === undefined ? [] : await lostKeys(keys, sinceMs, client);
    steps.push(...lost.map((key) => keyDeletion(name, key, ', whose secret was lost on the way')));
    const left = keys.filter((key) => !lost.includes(key));
    keyNotices.push(...left.map((key) => presentKey(name, key)));
    if (left.length === 0) {
      const asked = { operation: 'CreateAccessKey', UserName: name } as const;
      steps.push({ text: `make an access key for ${name}, and hand it over once`, change: asked });
    }
  }
  const notices = [
    ...policy.notices,
    ...enrolmentNotices(policy),
    ...runAsNotices(words),
    ...keyNotices,
  ];
  return { group, users, steps, notices };
}

function keyDeletion(name: string, { accessKeyId }: ListedKey, why = ''): SetupStep {
  return {
    text: `delete the access key …${accessKeyId.slice(-4)} of ${name}${why}`,
    change: { operation: 'DeleteAccessKey', UserName: name, AccessKeyId: accessKeyId },
  };
}

function presentKey(name: string, { accessKeyId, createdMs }: ListedKey): string {
  const when = createdMs === undefined ? '' : ` of ${new Date(createdMs).toISOString()}`;
  return `${name} has the access key …${accessKeyId.slice(-4)}${when}, so none is made`;
}

function groupSteps({ policy }: SetupWords, present: GroupState | undefined): SetupStep[] {
  const { name: group, policies } = policy;
  const document = {
    Version: '2012-10-17',
    Statement: policies.flatMap(({ Statement }) => [...Statement]),
  };
  const steps: SetupStep[] = [];
  if (present === undefined) {
    const asked = { operation: 'CreateGroup', GroupName: group } as const;
    steps.push({ text: `make the group ${group}`, change: asked });
  }
  if (!isSamePolicy(present?.policy, document)) {
    const names = document.Statement.map(({ Sid }) => Sid).join(', ');
    steps.push({
      text: `${present?.policy === undefined ? 'give' : 'replace'} its policy ${group}: ${names}`,
      change: {
        operation: 'PutGroupPolicy',
        GroupName: group,
        PolicyName: group,
        PolicyDocument: JSON.stringify(document),
      },
    });
  }
  return steps;
}

function isSamePolicy(text: string | undefined, document: object): boolean {
  if (text === undefined) return false;
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(document);
  } catch {
    return false;
  }
}

function userSteps(words: SetupWords, name: string, user: UserState | undefined): SetupStep[] {
  const { boundary, runAs, policy } = words;
  const runAsTag = runAs === undefined ? [] : [{ Key: RUN_AS_TAG, Value: runAs }];
  if (user === undefined) {
    const more = [
      ...(runAs === undefined ? [] : [`${RUN_AS_TAG} = ${runAs}`]),
      ...(boundary === undefined ? [] : [`boundary ${boundary}`]),
    ];
    return [
      {
        text: `make the user ${name}${more.length === 0 ? '' : ` (${more.join(', ')})`}`,
        change: {
          operation: 'CreateUser',
          UserName: name,
          Tags: [{ Key: MADE_TAG, Value: policy.name }, ...runAsTag],
          ...(boundary === undefined ? {} : { PermissionsBoundary: boundary }),
        },
      },
    ];
  }
  const steps: SetupStep[] = [];
  if (runAs !== undefined && user.tags.get(RUN_AS_TAG) !== runAs) {
    const before = user.tags.get(RUN_AS_TAG);
    steps.push({
      text: `tag ${name}: ${RUN_AS_TAG} = ${runAs}${before === undefined ? '' : ` (now ${before})`}`,
      change: { operation: 'TagUser', UserName: name, Tags: runAsTag },
    });
  }
  if (boundary !== undefined && user.boundary !== boundary) {
    const before = user.boundary === undefined ? '' : ` (now ${user.boundary})`;
    steps.push({
      text: `limit ${name} to ${boundary}${before}`,
      change: {
        operation: 'PutUserPermissionsBoundary',
        UserName: name,
        PermissionsBoundary: boundary,
      },
    });
  }
  return steps;
}

/** Without a device they would have a key that opens nothing. */
function enrolmentNotices({ statements }: GeneratedPolicy): string[] {
  const asksForMfa = statements.some(({ statement }) => 'Bool' in (statement.Condition ?? {}));
  if (!asksForMfa || statements.some(({ statement }) => statement.Sid === 'FirstDevice')) return [];
  return [
    'the policy asks for MFA, and lets nobody enrol a device: add --for enroll-mfa, or do it for them',
  ];
}

/** What the tag does not do is what people take it for. */
function runAsNotices({ runAs }: SetupWords): string[] {
  if (runAs === undefined) return [];
  return [
    `${RUN_AS_TAG} = ${runAs} counts for shells only, and only where Run As is enabled in the session preferences; the user must exist on the servers`,
    'it does not restrict ssh and ports: there the server’s own login decides who somebody is',
  ];
}

/**
 * The way back: the users leave the group; those that were made here are deleted with their keys and
 * devices; a group that has nobody left goes, with its policy.
 *
 * @throws DevaccessError those of `iamError`
 */
export async function undoPlan(words: SetupWords, client: ClientOptions): Promise<SetupPlan> {
  for (const user of words.users) iamName(user, 64);
  const { users, policy } = words;
  const group = policy.name;
  const present = await readGroup(client, group, group);
  const steps: SetupStep[] = [];
  const notices: string[] = [];
  for (const name of users) {
    if (present?.members.includes(name) === true) {
      const asked = { operation: 'RemoveUserFromGroup', GroupName: group, UserName: name } as const;
      steps.push({ text: `take ${name} out of the group ${group}`, change: asked });
    }
    const user = await readUser(client, name);
    if (user === undefined) continue;
    if (user.tags.get(MADE_TAG) === group) steps.push(...(await deletion(name, client)));
    else
      notices.push(
        `${name} was not made for ${group}, and stays, with keys, devices, tags and boundary`,
      );
  }
  const left = present?.members.filter((member) => !users.includes(member)) ?? [];
  if (present !== undefined && left.length === 0) {
    if (present.policy !== undefined) {
      const asked = {
        operation: 'DeleteGroupPolicy',
        GroupName: group,
        PolicyName: group,
      } as const;
      steps.push({ text: `delete the policy of the group ${group}`, change: asked });
    }
    const asked = { operation: 'DeleteGroup', GroupName: group } as const;
    steps.push({ text: `delete the group ${group}`, change: asked });
  } else if (left.length > 0) {
    notices.push(`the group ${group} stays: ${left.length} others are in it`);
  }
  return { group, users, steps, notices };
}

async function deletion(name: string, client: ClientOptions): Promise<SetupStep[]> {
  const keys = await listAccessKeys(client, name);
  return [
    ...keys.map((key) => keyDeletion(name, key)),
    ...(await deviceRemoval(name, client)),
    ...(await leftDevices(name, client)),
    { text: `delete the user ${name}`, change: { operation: 'DeleteUser', UserName: name } },
  ];
}

/** Of an enrolment or of a run like this one that was stopped half-way; where the policies tell of them. */
async function leftDevices(name: string, client: ClientOptions): Promise<SetupStep[]> {
  const unassigned = await listUnassignedDevices(client).catch((error: unknown) => {
    if (error instanceof DevaccessError && error.code === 'DA_ACCESS_DENIED') return [];
    throw error;
  });
  return unassigned
    .filter((serial) => serial.slice(serial.lastIndexOf('/') + 1) === name)
    .map((SerialNumber) => ({
      text: `delete the MFA device ${SerialNumber}, which is assigned to nobody`,
      change: { operation: 'DeleteVirtualMFADevice', SerialNumber },
    }));
}

async function deviceRemoval(name: string, client: ClientOptions): Promise<SetupStep[]> {
  const devices = await listMfaDevices(client, name);
  return devices.flatMap((SerialNumber): SetupStep[] => [
    {
      text: `take the MFA device ${SerialNumber} from ${name}`,
      change: { operation: 'DeactivateMFADevice', UserName: name, SerialNumber },
    },
    ...(SerialNumber.includes(':mfa/')
      ? [
          {
            text: `delete it`,
            change: { operation: 'DeleteVirtualMFADevice', SerialNumber } as const,
          },
        ]
      : []),
  ]);
}

/**
 * For users who have lost their phone: their devices go, so that they can enrol another.
 *
 * @throws DevaccessError DA_IAM_NOT_FOUND for nobody, and those of `iamError`
 */
export async function deviceResetPlan(
  words: SetupWords,
  client: ClientOptions,
): Promise<SetupPlan> {
  for (const user of words.users) iamName(user, 64);
  const { users, policy } = words;
  const steps: SetupStep[] = [];
  for (const name of users) steps.push(...(await deviceRemoval(name, client)));
  const notices =
    steps.length === 0
      ? []
      : [
          'sessions that were made with these devices stay good until they end',
          'until they have enrolled another, the access key alone may be enough to enrol one (FirstDevice)',
        ];
  return { group: policy.name, users, steps, notices };
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
