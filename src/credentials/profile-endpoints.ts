import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { sectionValues } from '../aws/files/ini-document.ts';
import { plainSetting } from './profiles.ts';
import type { AwsFiles } from './profiles.ts';

/**
 * The endpoints a profile's settings name (`endpoint_url`, its `services` section), as variables for
 * a program that is not told the profile. None where the environment rules over them.
 */
export function profileEndpoints(
  files: AwsFiles,
  settings: ReadonlyMap<string, string> | undefined,
  env: Environment,
): Record<string, string> {
  const isIgnored =
    envValue(env, 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS') === 'true' ||
    plainSetting(settings, 'ignore_configured_endpoint_urls') === 'true';
  if (isIgnored || envValue(env, 'AWS_ENDPOINT_URL') !== undefined) return {};
  const found = new Map<string, string>();
  const general = plainSetting(settings, 'endpoint_url');
  if (general !== undefined) found.set('AWS_ENDPOINT_URL', general);
  const services = plainSetting(settings, 'services') ?? '';
  for (const [service, block] of sectionValues(files.config, `services ${services}`) ?? []) {
    const url = /^endpoint_url\s*=\s*(\S+)/m.exec(block)?.[1];
    if (url !== undefined) found.set(`AWS_ENDPOINT_URL_${service.toUpperCase()}`, url);
  }
  return Object.fromEntries([...found].filter(([name]) => envValue(env, name) === undefined));
}
