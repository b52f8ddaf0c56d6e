import type { SandboxAccount } from '../account.ts';
import type { AccessControl, AccessRequest } from '../iam/access-control.ts';
import { tagEntries } from '../iam-policy/request-context.ts';
import type { ContextValue } from '../iam-policy/request-context.ts';
import type { IamRole } from '../iam/entities.ts';
import type { JsonInput } from '../http/json-input.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import type { Call } from '../http/service.ts';
import type { SandboxSession } from '../session-registry.ts';
import { nodeTags } from './node-tags.ts';

/** Which member names the resource of an operation. */
const RESOURCE_MEMBERS = new Map([
  ...['DeregisterManagedInstance', 'UpdateManagedInstanceRole', 'UpdateInstanceInformation'].map(
    (action) => [action, 'InstanceId'] as const,
  ),
  ...['AddTagsToResource', 'ListTagsForResource', 'RemoveTagsFromResource'].map(
    (action) => [action, 'ResourceId'] as const,
  ),
  ...['GetServiceSetting', 'UpdateServiceSetting', 'ResetServiceSetting'].map(
    (action) => [action, 'SettingId'] as const,
  ),
]);

/** What Systems Manager asks IAM about, by the service's table of actions and resources. */
export class SsmAccess {
  readonly #account: SandboxAccount;
  readonly #access: AccessControl;

  constructor(account: SandboxAccount, access: AccessControl) {
    this.#account = account;
    this.#access = access;
  }

  /** An operation that is about one resource or none; of none: everything of the region. */
  guard(action: string, operation: JsonOperation): JsonOperation {
    return (input, call) => {
      this.#access.require(call, { action: `ssm:${action}`, ...this.#about(action, input, call) });
      return operation(input, call);
    };
  }

  /** Whoever lets a service act in a role must be allowed to pass it on. */
  requirePassRole(call: Call, role: IamRole, service: string): void {
    this.#access.require(call, {
      action: 'iam:PassRole',
      resource: role.arn,
      context: { 'iam:PassedToService': service },
      askedBy: 'ssm',
    });
  }

  #about(
    action: string,
    input: JsonInput,
    call: Call,
  ): Pick<AccessRequest, 'resource' | 'context'> {
    const prefix = `arn:aws:ssm:${call.region}:${this.#account.accountId}:`;
    const member = RESOURCE_MEMBERS.get(action);
    const id = member === undefined ? undefined : input.text(member);
    if (id === undefined) return { resource: `${prefix}*` };
    if (member !== 'SettingId') return this.#node(call, id);
    return { resource: id.startsWith('arn:') ? id : `${prefix}servicesetting${id}` };
  }

  /**
   * StartSession: the target, and the document where one is named. Without one the target alone will
   * do, unless the policy asks for `ssm:SessionDocumentAccessCheck`: then the default document must
   * be allowed, too. The key is there only where no document was named.
   */
  requireStartSession(
    call: Call,
    target: string,
    document: { readonly name: string; readonly isNamed: boolean },
  ): void {
    const action = 'ssm:StartSession';
    const onTarget = this.#node(call, target);
    const onDocument = { resource: this.#documentArn(call, document.name) };
    if (document.isNamed) {
      this.#access.require(call, { action, ...onTarget });
      this.#access.require(call, { action, ...onDocument });
      return;
    }
    const checked = (check: boolean, on: Omit<AccessRequest, 'action'>): AccessRequest => ({
      action,
      resource: on.resource,
      context: { ...on.context, 'ssm:SessionDocumentAccessCheck': check },
    });
    if (this.#access.decide(call, checked(false, onTarget)).decision === 'allowed') return;
    this.#access.require(call, checked(true, onTarget));
    this.#access.require(call, checked(true, onDocument));
  }

  /** SendCommand: the document, and every node; `targets` undefined: not known, as by tags. */
  requireSendCommand(call: Call, document: string, nodeIds: readonly string[]): void {
    const action = 'ssm:SendCommand';
    for (const id of nodeIds) this.#access.require(call, { action, ...this.#node(call, id) });
    this.#access.require(call, { action, resource: this.#documentArn(call, document) });
  }

  /** TerminateSession, ResumeSession; a session that is not there has no tags. */
  requireOnSession(
    call: Call,
    action: 'TerminateSession' | 'ResumeSession',
    sessionId: string,
    session: SandboxSession | undefined,
  ): void {
    this.#access.require(call, {
      action: `ssm:${action}`,
      resource: sessionArn(this.#account, call.region, sessionId),
      context: session === undefined ? {} : sessionTagEntries(session),
    });
  }

  #node(call: Call, id: string): Pick<AccessRequest, 'resource' | 'context'> {
    const { nodes, instances } = this.#account;
    const node = nodes.find((each) => each.instanceId === id && each.region === call.region);
    const instance = instances.find(
      (each) => each.instanceId === id && each.region === call.region,
    );
    const tags = node === undefined ? (instance?.tags ?? {}) : nodeTags(this.#account, node);
    const resource = targetArn(this.#account, call.region, id);
    return { resource, context: resourceTagEntries(tags) };
  }

  /** The documents of AWS itself belong to no account. */
  #documentArn({ region }: Call, name: string): string {
    const owner = name.startsWith('AWS-') ? '' : this.#account.accountId;
    return `arn:aws:ssm:${region}:${owner}:document/${name}`;
  }
}

/** Of an EC2 instance, or of a hybrid node. */
export function targetArn({ accountId }: SandboxAccount, region: string, id: string): string {
  return id.startsWith('mi-')
    ? `arn:aws:ssm:${region}:${accountId}:managed-instance/${id}`
    : `arn:aws:ec2:${region}:${accountId}:instance/${id}`;
}

export function sessionArn(
  { accountId }: SandboxAccount,
  region: string,
  sessionId: string,
): string {
  return `arn:aws:ssm:${region}:${accountId}:session/${sessionId}`;
}

/** The tags that the service gives every session. */
export function sessionTagEntries(session: SandboxSession): Record<string, ContextValue> {
  return resourceTagEntries({
    'aws:ssmmessages:session-id': session.ownerUserId,
    'aws:ssmmessages:target-id': session.target,
  });
}

function resourceTagEntries(tags: Readonly<Record<string, string>>): Record<string, ContextValue> {
  return { ...tagEntries('ssm:resourceTag/', tags), ...tagEntries('aws:ResourceTag/', tags) };
}
