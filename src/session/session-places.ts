import { configuredEndpoints, endpointVariant, usualEndpoint } from '../aws/endpoints.ts';
import type { ConfiguredEndpoints } from '../aws/endpoints.ts';
import { readSharedFiles, sharedProfile } from '../aws/files/shared-sections.ts';
import { checkRegion } from '../aws/region.ts';
import { DevaccessError } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/** Where the calls and the stream of a session go. */
export interface SessionPlaces {
  region: string;
  /** Systems Manager. */
  api: URL;
  /** The message gateway; undefined where only StartSession can tell. */
  gateway: URL | undefined;
  endpoints: ConfiguredEndpoints;
}

export interface PlacesQuestion {
  /** Undefined: AWS_PROFILE, else `default`. */
  profile: string | undefined;
  region: string | undefined;
  env: Environment;
}

/**
 * Tells from arguments, environment and files where a session goes: the connections are opened
 * before anything else is loaded.
 *
 * @throws DevaccessError DA_NO_REGION when nothing names a region, DA_NO_PROFILE where its profile is
 *   missing, DA_ENDPOINT; DA_USAGE for a region that AWS has no endpoint in
 */
export function sessionPlaces({ profile, region: given, env }: PlacesQuestion): SessionPlaces {
  const files = readSharedFiles(env);
  const name = profile ?? envValue(env, 'AWS_PROFILE') ?? 'default';
  const section = sharedProfile(files, name);
  const named =
    given ??
    envValue(env, 'AWS_REGION') ??
    envValue(env, 'AWS_DEFAULT_REGION') ??
    section?.['region'];
  if (named === undefined) {
    if (section === undefined && name !== 'default') {
      throw new DevaccessError('DA_NO_PROFILE', `There is no AWS profile ${name}.`, {
        next: 'check its name, or AWS_PROFILE.',
      });
    }
    throw new DevaccessError('DA_NO_REGION', 'No AWS region is configured.', {
      next: 'give --region, or set AWS_REGION or region in ~/.aws/config.',
    });
  }
  // As old settings ask for FIPS endpoints.
  const region = named.replace(/^fips-|-fips$/, '');
  const endpoints = configuredEndpoints(profile, env, files);
  const variant = endpointVariant(profile, env, files);
  const kind = { ...variant, isFips: variant.isFips || region !== named };
  const configured = endpoints.for('ssm');
  if (configured !== undefined) refuseVariant(kind, endpoints);
  const api = configured ?? usualEndpoint('ssm', region, kind);
  const gateway = endpoints.for('ssmmessages') ?? usualEndpoint('ssmmessages', region, kind);
  if (api === undefined) throw unknownRegion(region);
  return { region, api, gateway, endpoints };
}

/** As the SDKs do: which of the two is meant nobody can tell. */
function refuseVariant(
  kind: { isFips: boolean; isDualStack: boolean },
  endpoints: ConfiguredEndpoints,
): void {
  if (!kind.isFips && !kind.isDualStack) return;
  const what = kind.isFips ? 'FIPS' : 'dual-stack';
  const where = endpoints.setting('ssm')?.name ?? 'endpoint_url';
  throw new DevaccessError('DA_ENDPOINT', `${what} endpoints are asked for, and ${where} is set`, {
    next: 'unset one of the two; a configured endpoint may be a FIPS one itself.',
  });
}

function unknownRegion(region: string): DevaccessError {
  checkRegion(region);
  return new DevaccessError('DA_ENDPOINT', `AWS has no endpoint that is known in ${region}`, {
    next: 'check the region, or set AWS_ENDPOINT_URL_SSM.',
  });
}
