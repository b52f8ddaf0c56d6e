import {
  ResumeSessionCommand,
  SSMClient,
  StartSessionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-ssm';
import type { AwsCredentialIdentity } from '@smithy/types';
import { apiAgents } from '../aws/api-agents.ts';
import { Connections } from '../aws/connections.ts';
import { credentialChain, QUIET_LOGGER } from '../aws/credential-chain.ts';
import { configuredEndpoints } from '../aws/endpoints.ts';
import type { ConfiguredEndpoints } from '../aws/endpoints.ts';
import { serviceError } from '../aws/service-errors.ts';
import { DevaccessError, printable } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { VERSION } from '../platform/version.ts';
import type { DataKey } from './protocol/channel/channel-encryption.ts';
import { advancedTierNeeded, isTierRefusal } from './node-tier.ts';
import type { SessionApi, SessionRequest, StartedSession } from './session-api.ts';

export interface SsmSessionApiOptions {
  /** Without one the SDK's usual chain, environment first. */
  profile?: string | undefined;
  region?: string | undefined;
  env: Environment;
  /** Where a connection to the service may be open already. */
  connections?: Connections;
}

const ANSWER_TIMEOUT_MS = 20_000;

/** The session calls of Systems Manager, through the AWS SDK. */
export class SsmSessionApi implements SessionApi {
  readonly configuredHosts: readonly string[];
  readonly requiredStreamHost: string | undefined;
  readonly region: string;
  readonly #endpoints: ConfiguredEndpoints;
  readonly #options: SsmSessionApiOptions;
  readonly #connections: Connections;
  #client: SSMClient;
  #isUsed = false;
  #credentials: () => Promise<AwsCredentialIdentity>;

  private constructor(
    options: SsmSessionApiOptions,
    region: string,
    endpoints: ConfiguredEndpoints,
  ) {
    this.#options = options;
    this.#connections = options.connections ?? new Connections(options.env);
    this.#endpoints = endpoints;
    this.region = region;
    const trusted = [endpoints.for('ssm'), endpoints.for('ssmmessages')];
    this.configuredHosts = trusted.flatMap((url) => (url === undefined ? [] : [url.hostname]));
    this.requiredStreamHost = endpoints.of('ssmmessages')?.host;
    this.#credentials = this.#newCredentials();
    this.#client = this.#newClient();
  }

  /** @throws DevaccessError DA_NO_REGION when nothing names a region, DA_ENDPOINT */
  static async create(options: SsmSessionApiOptions): Promise<SsmSessionApi> {
    const named =
      options.region ??
      envValue(options.env, 'AWS_REGION') ??
      envValue(options.env, 'AWS_DEFAULT_REGION');
    const region = named ?? (await regionOfProfile(options.profile));
    const endpoints = await configuredEndpoints(options.profile, options.env);
    return new SsmSessionApi(options, region, endpoints);
  }

  /** Where streams go by the person's settings. */
  get configuredGateway(): URL | undefined {
    return this.#endpoints.for('ssmmessages');
  }

  async start(request: SessionRequest, onSent?: () => void): Promise<StartedSession> {
    this.#renew();
    const { target, documentName, parameters, reason } = request;
    const command = new StartSessionCommand({
      Target: target,
      ...(documentName === undefined ? {} : { DocumentName: documentName }),
      Parameters: parameters,
      ...(reason === undefined ? {} : { Reason: reason }),
    });
    if (onSent !== undefined) {
      command.middlewareStack.add(
        (next) => (args) => {
          const answer = next(args);
          setImmediate(onSent);
          return answer;
        },
        { step: 'deserialize', priority: 'low', name: 'devaccessOnSent' },
      );
    }
    const answer = await this.#call('StartSession', target, () => this.#client.send(command));
    const { SessionId: sessionId, StreamUrl: streamUrl, TokenValue: tokenValue } = answer;
    if (sessionId === undefined || streamUrl === undefined || tokenValue === undefined) {
      throw new DevaccessError('DA_SERVICE_ERROR', 'SSM StartSession answered without a session.', {
        next: 'check AWS_ENDPOINT_URL: this does not look like Systems Manager.',
      });
    }
    return { sessionId, streamUrl, tokenValue };
  }

  async resume(sessionId: string): Promise<{ streamUrl?: string; tokenValue: string } | undefined> {
    this.#renew();
    const answer = await this.#call('ResumeSession', sessionId, () =>
      this.#client.send(new ResumeSessionCommand({ SessionId: sessionId })),
    );
    if (answer.TokenValue === undefined || answer.TokenValue === '') return undefined;
    const streamUrl = answer.StreamUrl;
    const hasUrl = streamUrl !== undefined && streamUrl !== '';
    return { tokenValue: answer.TokenValue, ...(hasUrl ? { streamUrl } : {}) };
  }

  async terminate(sessionId: string): Promise<void> {
    this.#renew();
    await this.#call('TerminateSession', sessionId, () =>
      this.#client.send(new TerminateSessionCommand({ SessionId: sessionId })),
    );
  }

  credentials(): Promise<AwsCredentialIdentity> {
    return this.#credentials();
  }

  async generateDataKey(keyId: string, context: Record<string, string>): Promise<DataKey> {
    // Few sessions are encrypted; the others do not load this.
    const { GenerateDataKeyCommand, KMSClient } = await import('./kms.ts');
    const { createHash } = await import('node:crypto');
    const kms = new KMSClient(this.#settings('kms'));
    const answer = await this.#call('GenerateDataKey', keyId, () =>
      kms.send(
        new GenerateDataKeyCommand({ KeyId: keyId, NumberOfBytes: 64, EncryptionContext: context }),
      ),
    );
    if (answer.Plaintext === undefined || answer.CiphertextBlob === undefined) {
      throw new DevaccessError('DA_SERVICE_ERROR', 'KMS GenerateDataKey answered without a key.');
    }
    const plaintext = Buffer.from(answer.Plaintext);
    answer.Plaintext.fill(0);
    const ciphertextBlob = Buffer.from(answer.CiphertextBlob);
    const ciphertextHash = createHash('sha256').update(ciphertextBlob).digest();
    return { plaintext, ciphertextBlob, ciphertextHash };
  }

  /**
   * Calling with the credentials of an hour ago is what breaks other clients: every call but the
   * first reads them anew. The SDK keeps what it once got, so that takes a new client; connections
   * stay, as a call of another session may be under way on one.
   */
  #renew(): void {
    if (this.#isUsed) {
      this.#credentials = this.#newCredentials();
      this.#client = this.#newClient(this.#client.config.requestHandler);
    }
    this.#isUsed = true;
  }

  #newCredentials(): () => Promise<AwsCredentialIdentity> {
    const { profile, env } = this.#options;
    return credentialChain({ profile, env });
  }

  #newClient(requestHandler?: SSMClient['config']['requestHandler']): SSMClient {
    const settings = this.#settings('ssm');
    return new SSMClient(requestHandler === undefined ? settings : { ...settings, requestHandler });
  }

  #settings(service: 'ssm' | 'kms') {
    const { profile } = this.#options;
    const endpoint = this.#endpoints.for(service);
    return {
      ...(endpoint === undefined ? {} : { endpoint: endpoint.href }),
      region: this.region,
      credentials: () => this.#credentials(),
      ...(profile === undefined ? {} : { profile }),
      logger: QUIET_LOGGER,
      maxAttempts: 3,
      customUserAgent: [['devaccess', VERSION]] as [string, string][],
      requestHandler: {
        connectionTimeout: 5_000,
        requestTimeout: ANSWER_TIMEOUT_MS,
        // Also for an answer that stops in the middle.
        socketTimeout: ANSWER_TIMEOUT_MS,
        throwOnRequestTimeout: true,
        ...apiAgents(this.#connections),
      },
    };
  }

  async #call<Answer>(
    operation: string,
    about: string,
    send: () => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await send();
    } catch (error) {
      throw this.#forPerson(error, operation, about);
    }
  }

  #forPerson(error: unknown, operation: string, about: string): unknown {
    const name = error instanceof Error ? error.name : '';
    const text = error instanceof Error ? printable(error.message) : '';
    const status = (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata
      ?.httpStatusCode;
    const service = operation === 'GenerateDataKey' ? 'KMS' : 'SSM';
    switch (name) {
      case 'TargetNotConnected':
        return new DevaccessError(
          'DA_TARGET_NOT_CONNECTED',
          `${about} is not connected to Systems Manager in ${this.region}.`,
          {
            next: 'check that the instance runs, its SSM agent is online, and that the region and account are the right ones.',
            cause: error,
          },
        );
      case 'BadRequest':
        if (operation === 'StartSession' && isTierRefusal(about, text)) {
          return advancedTierNeeded(about, this.region, error);
        }
        break;
      case 'AccessDeniedException': {
        const document = /:document\/([\w.-]{3,128})/.exec(text)?.[1];
        if (operation === 'StartSession' && document !== undefined) {
          return new DevaccessError(
            'DA_DOCUMENT_DENIED',
            `You may not start sessions with the document ${document} on ${about}.`,
            {
              next: `ask for ssm:StartSession on arn:aws:ssm:*:*:document/${document}; a policy may also ask for MFA (${this.#mfaCommand()}).`,
              cause: error,
            },
          );
        }
        return new DevaccessError(
          'DA_ACCESS_DENIED',
          `Access denied for ${service} ${operation} on ${about}: ${text}`,
          {
            next: `sign in with MFA (${this.#mfaCommand()}) or ask for the missing permission.`,
            cause: error,
          },
        );
      }
      case 'InvalidDocument':
        return new DevaccessError('DA_DOCUMENT', `The session document is not available: ${text}`, {
          next: `check the region (${this.region}): not every one has every document of AWS.`,
          cause: error,
        });
      default:
    }
    if (status !== undefined && status >= 500) {
      return new DevaccessError(
        'DA_SERVICE_UNAVAILABLE',
        `${service} ${operation} answered HTTP ${status}: ${text}`,
        {
          next: 'try again in a moment.',
          cause: error,
        },
      );
    }
    return serviceError(error, { service, operation, profile: this.#profileInUse() });
  }

  #profileInUse(): string | undefined {
    return this.#options.profile ?? envValue(this.#options.env, 'AWS_PROFILE');
  }

  #mfaCommand(): string {
    const profile = this.#profileInUse();
    return profile === undefined ? 'devaccess mfa' : `devaccess mfa --profile ${profile}`;
  }
}

async function regionOfProfile(profile: string | undefined): Promise<string> {
  const client = new SSMClient({
    logger: QUIET_LOGGER,
    ...(profile === undefined ? {} : { profile }),
  });
  try {
    return await client.config.region();
  } catch (error) {
    throw new DevaccessError('DA_NO_REGION', 'No AWS region is configured.', {
      next: 'give --region, or set AWS_REGION or region in ~/.aws/config.',
      cause: error,
    });
  } finally {
    client.destroy();
  }
}
