/** What every AWS client here is made with: endpoints, proxies and certificates the person configured. */
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
  /** Waits longer than usual where AWS asks to slow down. Default false. */
  isPatient?: boolean;
}

/** The settings of a client of `service`. @throws DevaccessError DA_ENDPOINT */
export async function clientSettings(
  service: Service,
  { credentials, region, profile, idleMs = 30_000, isPatient = false }: ClientOptions,
) {
  const endpoint = configuredEndpoints(profile, process.env).for(service);
  return {
    credentials,
    region,
    ...(endpoint === undefined ? {} : { endpoint: endpoint.href }),
    ...(profile === undefined ? {} : { profile }),
    maxAttempts: 4,
    ...(isPatient ? { retryStrategy: await patientRetries() } : {}),
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

/** Few clients list much; the others do not load this. */
async function patientRetries() {
  const { PatientRetries } = await import('./patient-retries.ts');
  return new PatientRetries();
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
export function withHostInErrors<Client extends { middlewareStack: object }>(
  client: Client,
): Client {
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
