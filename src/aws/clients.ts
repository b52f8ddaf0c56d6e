/**
 * Construction of the AWS clients the commands use. Each SDK is loaded when it is first needed:
 * EC2's alone costs more than everything `devaccess mfa` does. Endpoints, proxies and certificates
 * are those the person configured.
 */
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { STSClient } from '@aws-sdk/client-sts';
import { VERSION } from '../platform/version.ts';
import { apiAgents } from './api-agents.ts';
import { Connections } from './connections.ts';
import { configuredEndpoints } from './endpoints.ts';
import type { Service } from './endpoints.ts';

// Else the SDK warns about the age of Node in the middle of the person's output.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

interface StaticKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Static keys, or a provider such as `profileCredentials` gives. */
export type Credentials = StaticKeys | (() => Promise<StaticKeys>);

export interface ClientOptions {
  credentials: Credentials;
  region: string;
  /** Whose `endpoint_url` counts; by default that of AWS_PROFILE. */
  profile?: string | undefined;
  /** Milliseconds an endpoint may say nothing, before its answer or within. Default 30 000. */
  idleMs?: number;
}

export async function createStsClient(options: ClientOptions): Promise<STSClient> {
  const { STSClient } = await import('@aws-sdk/client-sts');
  return withHostInErrors(new STSClient(await settings('sts', options)));
}

export async function createEc2Client(options: ClientOptions): Promise<EC2Client> {
  const { EC2Client } = await import('@aws-sdk/client-ec2');
  return withHostInErrors(new EC2Client(await settings('ec2', options)));
}

export async function createSsmClient(options: ClientOptions): Promise<SSMClient> {
  const { SSMClient } = await import('@aws-sdk/client-ssm');
  return withHostInErrors(new SSMClient(await settings('ssm', options)));
}

/**
 * The SDK's usual credential chain. With a profile it looks there first and skips the
 * environment's keys; without one the environment comes first.
 */
export async function profileCredentials(profile: string | undefined): Promise<Credentials> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return defaultProvider({
    ...(profile === undefined ? {} : { profile }),
    clientConfig: { requestHandler: apiAgents(new Connections(process.env)) },
  });
}

async function settings(
  service: Service,
  { credentials, region, profile, idleMs = 30_000 }: ClientOptions,
) {
  const endpoint = (await configuredEndpoints(profile, process.env)).for(service);
  return {
    credentials,
    region,
    ...(endpoint === undefined ? {} : { endpoint: endpoint.href }),
    ...(profile === undefined ? {} : { profile }),
    maxAttempts: 4,
    customUserAgent: [['devaccess', VERSION]] as [string, string][],
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: idleMs,
      socketTimeout: idleMs,
      throwOnRequestTimeout: true,
      ...apiAgents(new Connections(process.env)),
    },
  };
}

interface HttpArguments {
  request?: { hostname?: string; port?: number };
}
interface FinalizeStack {
  add(
    middleware: (
      next: (args: HttpArguments) => Promise<unknown>,
    ) => (args: HttpArguments) => Promise<unknown>,
    options: { step: 'finalizeRequest'; name: string },
  ): void;
}

/** Adds the host a failed request went to, which network errors of Node name only sometimes. */
function withHostInErrors<Client extends { middlewareStack: object }>(client: Client): Client {
  // The stack's own type is generic over every operation; the two fields used here are stable.
  const stack = client.middlewareStack as FinalizeStack;
  stack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const { hostname, port } = args.request ?? {};
        if (hostname !== undefined && error instanceof Error) {
          const endpointHost = port === undefined ? hostname : `${hostname}:${port}`;
          Object.assign(error, { endpointHost });
        }
        throw error;
      }
    },
    { step: 'finalizeRequest', name: 'devaccessHostInErrors' },
  );
  return client;
}
