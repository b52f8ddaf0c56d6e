import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import type { SecureContext } from 'node:tls';
import { DevaccessError, errorLine } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/** One PEM certificate. */
const CERTIFICATE = /-----BEGIN ([A-Z0-9 ]*)CERTIFICATE-----[^-]+-----END \1CERTIFICATE-----/g;
/** To ask Node for those that it knows takes as long as to load so many twice. */
const FEW = 16;

/**
 * The certificates to trust when AWS_CA_BUNDLE names some that Node does not trust by itself.
 * Undefined when it is not set or brings nothing new: Node's defaults hold.
 *
 * @throws DevaccessError DA_CA_BUNDLE when the file cannot be read or holds no certificate
 */
export function trustedRoots(env: Environment): SecureContext | undefined {
  const file = envValue(env, 'AWS_CA_BUNDLE');
  // Often both name the bundle of the system, of which Node has made its defaults at its start.
  if (file === undefined || file === envValue(env, 'NODE_EXTRA_CA_CERTS')) return undefined;
  try {
    const found = readFileSync(file, 'utf8').replaceAll('\r', '').match(CERTIFICATE) ?? [];
    if (found.length === 0) throw new Error(`${file} holds no PEM certificate`);
    const added = found.length > FEW ? unknownOf(found) : found;
    return added.length === 0 ? undefined : contextWith(added, env);
  } catch (error) {
    throw new DevaccessError('DA_CA_BUNDLE', `AWS_CA_BUNDLE cannot be used: ${errorLine(error)}`, {
      next: 'name a file of PEM certificates, or unset it.',
      cause: error,
    });
  }
}

/** Each certificate costs a fifth of a millisecond, and large bundles repeat those of Node. */
function unknownOf(found: readonly string[]): string[] {
  const known = new Set(tls.rootCertificates.map(oneLine));
  return found.filter((certificate) => !known.has(oneLine(certificate)));
}

function oneLine(certificate: string): string {
  return certificate.replaceAll('\n', '');
}

/**
 * Given any `ca`, Node forgets those it trusts by default; naming them again costs 40 ms. Adding to
 * a finished context costs nothing, and is what Node itself does with each `ca`.
 */
function contextWith(added: readonly string[], env: Environment): SecureContext {
  const made = tls.createSecureContext();
  const inner = made.context as { addCACert?: (certificate: string) => void };
  if (typeof inner.addCACert !== 'function') {
    return tls.createSecureContext({ ca: [...defaultRoots(env), ...added] });
  }
  for (const certificate of added) inner.addCACert(certificate);
  return made;
}

function defaultRoots(env: Environment): string[] {
  // From Node 22.15 on.
  const { getCACertificates } = tls as { getCACertificates?: (kind: 'default') => string[] };
  if (getCACertificates !== undefined) return getCACertificates('default');
  const extra = envValue(env, 'NODE_EXTRA_CA_CERTS');
  try {
    if (extra !== undefined) return [...tls.rootCertificates, readFileSync(extra, 'utf8')];
  } catch {
    // Node has warned of it by now.
  }
  return [...tls.rootCertificates];
}
