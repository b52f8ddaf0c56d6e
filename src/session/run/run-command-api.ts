import type { SSMClient } from '@aws-sdk/client-ssm';
import { createSsmClient } from '../../aws/clients.ts';
import { credentialChain } from '../../aws/credential-chain.ts';
import { serviceError } from '../../aws/service-errors.ts';
import { DevaccessError, printable } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';

/** Seconds the service may take to deliver a command: a node that is not there is told of soon. */
const DELIVERY_TIMEOUT_S = 60;

/** What GetCommandInvocation tells. */
export interface CommandInvocation {
  /** `Pending`, `InProgress`, `Success`, …; undefined where the service does not know of it yet. */
  status: string | undefined;
  statusDetails: string;
  responseCode: number;
  stdout: string;
  stderr: string;
}

/** The Run Command calls of Systems Manager. All reject with DevaccessError. */
export class RunCommandApi {
  readonly #client: SSMClient;
  readonly #profile: string | undefined;

  private constructor(client: SSMClient, profile: string | undefined) {
    this.#client = client;
    this.#profile = profile;
  }

  static async create(
    { profile, env }: { profile: string | undefined; env: Environment },
    region: string,
  ): Promise<RunCommandApi> {
    const credentials = credentialChain({ profile, env });
    return new RunCommandApi(await createSsmClient({ credentials, region, profile }), profile);
  }

  /**
   * Sends a shell script to one node.
   * @returns the command's id
   */
  async send(target: string, script: string, executionTimeoutS: number): Promise<string> {
    const { SendCommandCommand } = await import('./ssm-commands.ts');
    const answer = await this.#call('SendCommand', target, () =>
      this.#client.send(
        new SendCommandCommand({
          DocumentName: 'AWS-RunShellScript',
          InstanceIds: [target],
          TimeoutSeconds: DELIVERY_TIMEOUT_S,
          Parameters: { commands: [script], executionTimeout: [String(executionTimeoutS)] },
        }),
      ),
    );
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
    return this.#call('GetCommandInvocation', target, async () => {
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

  async cancel(commandId: string, target: string): Promise<void> {
    const { CancelCommandCommand } = await import('./ssm-commands.ts');
    await this.#call('CancelCommand', target, () =>
      this.#client.send(new CancelCommandCommand({ CommandId: commandId, InstanceIds: [target] })),
    );
  }

  close(): void {
    this.#client.destroy();
  }

  async #call<Answer>(
    operation: string,
    target: string,
    send: () => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await send();
    } catch (error) {
      if (error instanceof Error && error.name === 'InvalidInstanceId') {
        throw new DevaccessError(
          'DA_TARGET_NOT_CONNECTED',
          `Run Command does not take ${target}: ${printable(error.message)}`,
          { next: 'check that it runs, and that its SSM agent is online.', cause: error },
        );
      }
      throw serviceError(error, { service: 'SSM', operation, profile: this.#profile });
    }
  }
}
