import { createEc2Client, createSsmClient } from '../../aws/clients.ts';
import type { ClientOptions } from '../../aws/client-settings.ts';
import { listAccessKeys, listMfaDevices } from '../../aws/own-user.ts';
import { DevaccessError } from '../../platform/errors.ts';

/** What a real call told: undefined where none can be made that changes nothing, or its answer does not tell. */
export type Probed = 'allowed' | 'denied' | undefined;

/** There is no such node: whoever may start a session on it is told so. */
const NO_NODE = 'i-0f0f0f0f0f0f0f0f0';

/**
 * Tries calls that change nothing: lists, dry runs, and sessions and commands for a node that is not
 * there, which AWS refuses after it has asked IAM.
 */
export class Probes {
  readonly #options: ClientOptions;
  readonly #user: string | undefined;
  /** Nodes are chosen by tags, which one that is not there does not have. */
  readonly #hasTags: boolean;
  readonly #starts = new Map<string, Promise<unknown>>();

  /** @param user name of the user, undefined for a role */
  constructor(options: ClientOptions, user: string | undefined, hasTags: boolean) {
    this.#options = options;
    this.#user = user;
    this.#hasTags = hasTags;
  }

  /** @throws DevaccessError where AWS cannot be asked at all */
  async ask(action: string, resource: string): Promise<Probed> {
    switch (action) {
      case 'ec2:DescribeInstances':
        return outcome(await this.#dryRun());
      case 'ssm:DescribeInstanceInformation':
      case 'ssm:DescribeSessions':
        return outcome(await this.#list(action));
      case 'ssm:StartSession':
      case 'ssm:SendCommand':
        return this.#start(action, resource);
      case 'iam:ListAccessKeys':
      case 'iam:ListMFADevices':
        return outcome(await this.#listOwn(action));
      default:
        return undefined;
    }
  }

  async #dryRun(): Promise<unknown> {
    const { DescribeInstancesCommand } = await import('@aws-sdk/client-ec2');
    const client = await createEc2Client(this.#options);
    return failure(() => client.send(new DescribeInstancesCommand({ DryRun: true })));
  }

  async #list(action: string): Promise<unknown> {
    const { DescribeInstanceInformationCommand, DescribeSessionsCommand } =
      await import('@aws-sdk/client-ssm');
    const client = await createSsmClient(this.#options);
    if (action === 'ssm:DescribeSessions') {
      const history = { State: 'History', MaxResults: 1 } as const;
      return failure(() => client.send(new DescribeSessionsCommand(history)));
    }
    return failure(() => client.send(new DescribeInstanceInformationCommand({ MaxResults: 5 })));
  }

  /** A node and a document are asked for together: the refusal tells which of them it is about. */
  async #start(action: string, resource: string): Promise<Probed> {
    const document = /:document\/(.+)$/.exec(resource)?.[1];
    // Without a document nothing is tried: that could open a shell.
    if (document === undefined) {
      const tried = [...this.#starts].filter(([key]) => key.startsWith(`${action} `));
      const failures = await Promise.all(tried.map(([, start]) => start));
      if (failures.some(isPastIam)) return 'allowed';
      const isNode = failures.some((error) => refusedResource(error)?.includes('instance/'));
      return isNode && !this.#hasTags ? 'denied' : undefined;
    }
    const key = `${action} ${document}`;
    const started = this.#starts.get(key) ?? this.#tryStart(action, document);
    this.#starts.set(key, started);
    const error = await started;
    if (isPastIam(error)) return 'allowed';
    return refusedResource(error)?.includes(':document/') === true ? 'denied' : undefined;
  }

  async #tryStart(action: string, document: string): Promise<unknown> {
    const { SendCommandCommand, StartSessionCommand } = await import('@aws-sdk/client-ssm');
    const client = await createSsmClient(this.#options);
    if (action === 'ssm:StartSession') {
      const request = { Target: NO_NODE, DocumentName: document };
      return failure(() => client.send(new StartSessionCommand(request)));
    }
    return failure(() =>
      client.send(
        new SendCommandCommand({
          InstanceIds: [NO_NODE],
          DocumentName: document,
          Parameters: { commands: ['true'] },
        }),
      ),
    );
  }

  async #listOwn(action: string): Promise<unknown> {
    const user = this.#user;
    if (user === undefined) return new Error('a role has none');
    const list = action === 'iam:ListAccessKeys' ? listAccessKeys : listMfaDevices;
    return failure(() => list(this.#options, user));
  }
}

async function failure(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}

const DENIED = /^(AccessDenied|AccessDeniedException|UnauthorizedOperation)$/;

function isDenied(error: unknown): boolean {
  if (error instanceof DevaccessError) return error.code === 'DA_ACCESS_DENIED';
  return DENIED.test((error as { name?: string } | undefined)?.name ?? '');
}

/** What AWS says once IAM has said yes: the node is not there, the dry run would have worked. */
function isPastIam(error: unknown): boolean {
  const { name = '' } = (error ?? {}) as { name?: string };
  return /^(TargetNotConnected|InvalidInstanceId|InvalidTarget|DryRunOperation)/.test(name);
}

function refusedResource(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : '';
  return isDenied(error) ? (/on resource: (\S+)/.exec(text)?.[1] ?? '') : undefined;
}

function outcome(error: unknown): Probed {
  if (error === undefined || isPastIam(error)) return 'allowed';
  return isDenied(error) ? 'denied' : undefined;
}
