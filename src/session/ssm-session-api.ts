import type { AwsCredentialIdentity } from '@smithy/types';
import { Connections } from '../aws/connections.ts';
import { credentialChain } from '../aws/credential-chain.ts';
import { JsonService } from '../aws/json-service.ts';
import type { JsonObject } from '../aws/json-service.ts';
import { DevaccessError } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import type { DataKey } from './protocol/channel/channel-encryption.ts';
import type { SessionApi, SessionRequest, StartedSession } from './session-api.ts';
import { sessionPlaces } from './session-places.ts';
import type { SessionPlaces } from './session-places.ts';

export interface SsmSessionApiOptions {
  /** Without one the SDK's usual chain, environment first. */
  profile?: string | undefined;
  region?: string | undefined;
  env: Environment;
  /** Where a connection to the service may be open already. */
  connections?: Connections;
}

/** The session calls of Systems Manager. */
export class SsmSessionApi implements SessionApi {
  readonly configuredHosts: readonly string[];
  readonly gateway: URL | undefined;
  readonly region: string;
  readonly #options: SsmSessionApiOptions;
  readonly #ssm: JsonService;
  #isUsed = false;
  #credentials: () => Promise<AwsCredentialIdentity>;

  constructor({ region, api, endpoints }: SessionPlaces, options: SsmSessionApiOptions) {
    this.#options = options;
    this.region = region;
    const trusted = [endpoints.for('ssm'), endpoints.for('ssmmessages')];
    this.configuredHosts = trusted.flatMap((url) => (url === undefined ? [] : [url.hostname]));
    this.gateway = endpoints.of('ssmmessages');
    this.#credentials = this.#newCredentials();
    this.#ssm = new JsonService({
      service: 'ssm',
      target: 'AmazonSSM',
      region,
      endpoint: api,
      credentials: () => this.#credentials(),
      connections: options.connections ?? new Connections(options.env),
    });
  }

  /** @throws DevaccessError DA_NO_REGION when nothing names a region, DA_ENDPOINT, DA_USAGE */
  static create(options: SsmSessionApiOptions): SsmSessionApi {
    const { profile, region, env } = options;
    return new SsmSessionApi(sessionPlaces({ profile, region, env }), options);
  }

  async start(request: SessionRequest, onSent?: () => void): Promise<StartedSession> {
    const { target, documentName, parameters, reason } = request;
    const input = {
      Target: target,
      ...(documentName === undefined ? {} : { DocumentName: documentName }),
      Parameters: parameters,
      ...(reason === undefined ? {} : { Reason: reason }),
    };
    const answer = await this.#call('StartSession', target, input, onSent);
    const [sessionId, streamUrl, tokenValue] = texts(
      answer,
      'SessionId',
      'StreamUrl',
      'TokenValue',
    );
    if (sessionId === undefined || streamUrl === undefined || tokenValue === undefined) {
      throw new DevaccessError('DA_SERVICE_ERROR', 'SSM StartSession answered without a session.', {
        next: 'check AWS_ENDPOINT_URL: this does not look like Systems Manager.',
      });
    }
    return { sessionId, streamUrl, tokenValue };
  }

  async resume(sessionId: string): Promise<{ streamUrl?: string; tokenValue: string } | undefined> {
    const answer = await this.#call('ResumeSession', sessionId, { SessionId: sessionId });
    const [streamUrl, tokenValue] = texts(answer, 'StreamUrl', 'TokenValue');
    if (tokenValue === undefined || tokenValue === '') return undefined;
    const hasUrl = streamUrl !== undefined && streamUrl !== '';
    return { tokenValue, ...(hasUrl ? { streamUrl } : {}) };
  }

  async terminate(sessionId: string): Promise<void> {
    await this.#call('TerminateSession', sessionId, { SessionId: sessionId });
  }

  credentials(): Promise<AwsCredentialIdentity> {
    return this.#credentials();
  }

  get now(): Date {
    return this.#ssm.now;
  }

  async generateDataKey(keyId: string, context: Record<string, string>): Promise<DataKey> {
    // Few sessions are encrypted; the others do not load this.
    const { generateDataKey } = await import('./generate-data-key.ts');
    try {
      const { region } = this;
      const { profile } = this.#options;
      const credentials = () => this.#credentials();
      return await generateDataKey({ keyId, context }, { credentials, region, profile });
    } catch (error) {
      throw await this.#forPerson(error, 'GenerateDataKey', keyId);
    }
  }

  /**
   * Calling with the credentials of an hour ago is what breaks other clients: every call but the
   * first reads them anew.
   */
  #newCredentials(): () => Promise<AwsCredentialIdentity> {
    const { profile, env } = this.#options;
    return credentialChain({ profile, env });
  }

  async #call(
    operation: string,
    about: string,
    input: JsonObject,
    onSent?: () => void,
  ): Promise<JsonObject> {
    if (this.#isUsed) this.#credentials = this.#newCredentials();
    this.#isUsed = true;
    try {
      return await this.#ssm.call(operation, input, onSent);
    } catch (error) {
      throw await this.#forPerson(error, operation, about);
    }
  }

  async #forPerson(error: unknown, operation: string, about: string): Promise<unknown> {
    // Few calls fail; the others do not load this.
    const { sessionCallFailed } = await import('./session-call-failed.ts');
    const profile = this.#options.profile ?? envValue(this.#options.env, 'AWS_PROFILE');
    return sessionCallFailed(error, { operation, about, region: this.region, profile });
  }
}

function texts(answer: JsonObject, ...names: string[]): (string | undefined)[] {
  return names.map((name) => {
    const value = answer[name];
    return typeof value === 'string' ? value : undefined;
  });
}
