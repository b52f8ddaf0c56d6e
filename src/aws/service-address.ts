import { DevaccessError, errorLine } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import { createEc2Client, createSsmClient } from './clients.ts';
import { configuredEndpoints } from './endpoints.ts';
import type { EndpointSetting } from './endpoints.ts';
import { createStsClient } from './sts-client.ts';

/** Where the calls of one service go. */
export interface ServiceAddress {
  service: 'sts' | 'ssm' | 'ec2' | 'kms' | 'ssmmessages';
  url: URL;
  /** What the person wrote to have it so; undefined: AWS's own. */
  setting: EndpointSetting | undefined;
}

/** Which of AWS's own endpoints are to be used: by environment and config file. */
export interface EndpointKind {
  isFips: boolean;
  isDualStack: boolean;
}

export interface ServicePlaces {
  addresses: ServiceAddress[];
  kind: EndpointKind;
  /** Settings that cannot be used: DA_ENDPOINT. */
  refused: DevaccessError[];
}

export interface PlacesQuestion {
  /** Where STS is asked. */
  stsRegion: string;
  /** Of the servers; without one STS is all there is. */
  region: string | undefined;
  profile: string | undefined;
  env: Environment;
  /** AWS's own message gateway, which no client of the SDK knows. */
  gateway: (region: string, kind: EndpointKind) => URL | undefined;
}

/** The fields used here, alike in every client of the SDK. */
interface AddressingClient {
  config: {
    endpointProvider: (parameters: { Region: string; UseFIPS: boolean; UseDualStack: boolean }) => {
      url: URL;
    };
    useFipsEndpoint: () => Promise<boolean>;
    useDualstackEndpoint: () => Promise<boolean>;
  };
  destroy: () => void;
}

/** The addresses of all that devaccess talks to, found without a call. */
export async function servicePlaces(question: PlacesQuestion): Promise<ServicePlaces> {
  const { stsRegion, region, profile, env, gateway } = question;
  const configured = configuredEndpoints(profile, env);
  const places: ServicePlaces = {
    addresses: [],
    kind: { isFips: false, isDualStack: false },
    refused: [],
  };
  const add = async (
    service: ServiceAddress['service'],
    usual: () => URL | undefined | Promise<URL>,
  ): Promise<void> => {
    try {
      const url = configured.for(service) ?? (await usual());
      const setting = configured.setting(service);
      if (url !== undefined) places.addresses.push({ service, url, setting });
    } catch (error) {
      places.refused.push(refusal(error));
    }
  };
  const asSdk = async (create: Create, where: string): Promise<URL> => {
    const found = await addressOf(create, where, profile);
    places.kind = found.kind;
    return found.url;
  };
  await add('sts', () => asSdk(createStsClient, stsRegion));
  if (region === undefined) return places;
  await add('ssm', () => asSdk(createSsmClient, region));
  await add('ec2', () => asSdk(createEc2Client, region));
  await add('ssmmessages', () => gateway(region, places.kind));
  // Few sessions are encrypted: who has set an endpoint for it means to.
  if (isSet(() => configured.of('kms'))) await add('kms', () => undefined);
  return places;
}

type Create = (options: {
  credentials: { accessKeyId: string; secretAccessKey: string };
  region: string;
  profile: string | undefined;
}) => Promise<AddressingClient>;

async function addressOf(
  create: Create,
  region: string,
  profile: string | undefined,
): Promise<{ url: URL; kind: EndpointKind }> {
  // Never signed with.
  const credentials = { accessKeyId: '', secretAccessKey: '' };
  const client = await create({ credentials, region, profile });
  const { config } = client;
  const isFips = await config.useFipsEndpoint();
  const isDualStack = await config.useDualstackEndpoint();
  const { url } = config.endpointProvider({
    Region: region,
    UseFIPS: isFips,
    UseDualStack: isDualStack,
  });
  client.destroy();
  return { url, kind: { isFips, isDualStack } };
}

function isSet(read: () => URL | undefined): boolean {
  try {
    return read() !== undefined;
  } catch {
    return true;
  }
}

/** The SDK has plain errors for variables that are neither `true` nor `false`. */
function refusal(error: unknown): DevaccessError {
  if (error instanceof DevaccessError) return error;
  return new DevaccessError('DA_ENDPOINT', errorLine(error), {
    next: 'correct the setting it names',
    cause: error,
  });
}
