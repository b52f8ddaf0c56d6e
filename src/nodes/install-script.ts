import { dnsSuffixes } from '../aws/dns-suffixes.ts';
import { checkRegion } from '../aws/region.ts';
import { isActivationId, notAnActivation } from './activations.ts';
import linuxScript from './scripts/register-linux.sh';
import windowsScript from './scripts/register-windows.ps1';

export type ScriptSystem = 'linux' | 'windows';

const SCRIPTS: Readonly<Record<ScriptSystem, string>> = {
  linux: linuxScript,
  windows: windowsScript,
};

/**
 * The script that registers a machine by an activation. It holds no code: whoever runs it gives it.
 *
 * Only the id and the region get into it, each of a form that ends no quotes.
 *
 * @throws DevaccessError DA_USAGE for another form
 */
export function installScript(system: ScriptSystem, activationId: string, region: string): string {
  if (!isActivationId(activationId)) throw notAnActivation(activationId);
  const values: Readonly<Record<string, string>> = {
    ACTIVATION_ID: activationId,
    REGION: checkRegion(region),
    DOWNLOAD: downloadUrl(region),
  };
  return SCRIPTS[system].replace(/@([A-Z_]+)@/g, (all, name: string) => values[name] ?? all);
}

/** Where AWS offers the agent: a bucket in each region. */
function downloadUrl(region: string): string {
  const [domain = 'amazonaws.com'] = dnsSuffixes(region);
  return `https://s3.${region}.${domain}/amazon-ssm-${region}/latest`;
}
