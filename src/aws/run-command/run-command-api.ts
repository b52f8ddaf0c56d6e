import type { CommandInvocation as ListedInvocation, SSMClient } from '@aws-sdk/client-ssm';
import { DevaccessError, printable } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { createSsmClient } from '../ssm-client.ts';
import { credentialChain } from '../credential-chain.ts';
import { serviceError, strangeAnswer } from '../service-errors.ts';
import { withMissingStatement } from './send-permission.ts';

/** Seconds the service may take to deliver a command: a node that is not there is told of soon. */
export const DELIVERY_TIMEOUT_S = 60;
/** Nodes that one SendCommand takes by their ids. */
export const MAX_TARGETS = 50;
/** Pages of one command's invocations; there are no more nodes than fill one or two. */
const MAX_PAGES = 20;

/** What nodes are to run. */
export interface Script {
  document: 'AWS-RunShellScript' | 'AWS-RunPowerShellScript';
  /** Its lines. Nothing in them may be taken for `{{…}}`, which the service replaces. */
  commands: readonly string[];
  /** Seconds it may run, from 5 to 172 800. */
  executionTimeoutS: number;
  /** Shown to administrators in the list of commands. At most 100 characters. */
  comment?: string;
}

/** What GetCommandInvocation tells. */
export interface CommandInvocation {
  /** `Pending`, `InProgress`, `Success`, …; undefined where the service does not know of it yet. */
  status: string | undefined;
  statusDetails: string;
  responseCode: number;
  stdout: string;
  stderr: string;
}

/** What ListCommandInvocations tells of one node. */
export interface InvocationSummary {
  instanceId: string;
  status: string;
  statusDetails: string;
  /** -1 as long as there is none, and where there is none. */
  responseCode: number;
  /** Both streams in one text of at most 2500 characters; undefined where nothing is told yet. */
  output: string | undefined;
}

/** The Run Command calls of Systems Manager. All reject with DevaccessError. */
export class RunCommandApi {
  readonly #client: SSMClient;
  readonly #profile: string | undefined;
  readonly #region: string;

  private constructor(client: SSMClient, profile: string | undefined, region: string) {
    this.#client = client;
    this.#profile = profile;
    this.#region = region;
  }

  static async create(
    { profile, env }: { profile: string | undefined; env: Environment },
    region: string,
  ): Promise<RunCommandApi> {
    const credentials = credentialChain({ profile, env });
    const client = await createSsmClient({ credentials, region, profile });
    return new RunCommandApi(client, profile, region);
  }

  /**
   * Sends a script to nodes, all at once: one that fails does not keep it from the others.
   *
   * @param targets ids of at most {@link MAX_TARGETS} nodes
   * @returns the command's id
   * @throws DevaccessError DA_TARGET_NOT_CONNECTED where a node is none that is managed and of the
   *   document's platform, DA_ACCESS_DENIED with the statement that is missing: nothing was sent then
   */
  async send(targets: readonly string[], script: Script): Promise<string> {
    const { SendCommandCommand } = await import('./ssm-commands.ts');
    const { document, commands, executionTimeoutS, comment } = script;
    const answer = await this.#call('SendCommand', targets, () =>
      this.#client.send(
        new SendCommandCommand({
          DocumentName: document,
          InstanceIds: [...targets],
          TimeoutSeconds: DELIVERY_TIMEOUT_S,
          Parameters: {
            commands: [...commands],
            executionTimeout: [String(executionTimeoutS)],
          },
          // After the first failure the service would not deliver to those that still wait.
          ...(targets.length > 1 ? { MaxErrors: '100%' } : {}),
          ...(comment === undefined ? {} : { Comment: comment }),
        }),
      ),
    ).catch((error: unknown) => {
      throw withMissingStatement(error, document, this.#region);
    });
    const commandId = answer.Command?.CommandId;
    if (commandId !== undefined) return commandId;
    throw new DevaccessError('DA_SERVICE_ERROR', 'SSM SendCommand answered without a command.', {
      next: 'check AWS_ENDPOINT_URL: this does not look like Systems Manager.',
    });
  }

  async invocation(commandId: string, target: string): Promise<CommandInvocation> {
    const { GetCommandInvocationCommand } = await import('./ssm-commands.ts');
    const nothing = {
      status: undefined,
      statusDetails: '',
      responseCode: -1,
      stdout: '',
      stderr: '',
    };
    return this.#call('GetCommandInvocation', [target], async () => {
      try {
        const answer = await this.#client.send(
          new GetCommandInvocationCommand({ CommandId: commandId, InstanceId: target }),
        );
        return {
          status: answer.Status,
          statusDetails: printable(answer.StatusDetails ?? ''),
          responseCode: answer.ResponseCode ?? -1,
          stdout: answer.StandardOutputContent ?? '',
          stderr: answer.StandardErrorContent ?? '',
        };
      } catch (error) {
        // What was just sent takes a moment to be known everywhere.
        if (error instanceof Error && error.name === 'InvocationDoesNotExist') return nothing;
        throw error;
      }
    });
  }

  /** What became of a command on each of its nodes that the service tells of by now. */
  async invocations(
    commandId: string,
    targets: readonly string[],
  ): Promise<Map<string, InvocationSummary>> {
    const { ListCommandInvocationsCommand } = await import('./ssm-commands.ts');
    const operation = 'ListCommandInvocations';
    const found = new Map<string, InvocationSummary>();
    let token: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const answer = await this.#call(operation, targets, () =>
        this.#client.send(
          new ListCommandInvocationsCommand({
            CommandId: commandId,
            Details: true,
            MaxResults: MAX_TARGETS,
            ...(token === undefined ? {} : { NextToken: token }),
          }),
        ),
      );
      for (const listed of answer.CommandInvocations ?? []) {
        const summary = summaryOf(listed);
        if (targets.includes(summary.instanceId)) found.set(summary.instanceId, summary);
      }
      token = answer.NextToken;
      if (token === undefined || token === '') return found;
    }
    throw strangeAnswer({ service: 'SSM', operation }, `more than ${MAX_PAGES} pages`);
  }

  /** Cancels a command on the nodes where it is not done. */
  async cancel(commandId: string, targets: readonly string[]): Promise<void> {
    const { CancelCommandCommand } = await import('./ssm-commands.ts');
    await this.#call('CancelCommand', targets, () =>
      this.#client.send(
        new CancelCommandCommand({ CommandId: commandId, InstanceIds: [...targets] }),
      ),
    );
  }

  close(): void {
    this.#client.destroy();
  }

  async #call<Answer>(
    operation: string,
    targets: readonly string[],
    send: () => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await send();
    } catch (error) {
      if (error instanceof Error && NOT_FOR_NODE.has(error.name)) {
        const [only, ...others] = targets;
        const who = others.length === 0 ? (only ?? '') : `one of ${targets.length} nodes`;
        throw new DevaccessError(
          'DA_TARGET_NOT_CONNECTED',
          `Run Command does not take ${who}: ${printable(error.message)}`,
          { next: 'check that it runs, and that its SSM agent is online.', cause: error },
        );
      }
      throw serviceError(error, { service: 'SSM', operation, profile: this.#profile });
    }
  }
}

/** Refusals of SendCommand that are about a node, not about the caller. */
const NOT_FOR_NODE = new Set(['InvalidInstanceId', 'UnsupportedPlatformType']);

/** The SDK does not check that an answer has the form its types promise. */
function summaryOf({
  InstanceId,
  Status,
  StatusDetails,
  CommandPlugins,
}: ListedInvocation): InvocationSummary {
  const [plugin] = CommandPlugins ?? [];
  return {
    instanceId: InstanceId ?? '',
    status: Status ?? '',
    statusDetails: printable(StatusDetails ?? ''),
    responseCode: plugin?.ResponseCode ?? -1,
    output: plugin?.Output,
  };
}
