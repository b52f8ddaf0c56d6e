import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import type { SecureContext } from 'node:tls';
import { DevaccessError, errorLine } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/**
 * The certificates to trust when AWS_CA_BUNDLE names some: those beside Node's own and those of
 * NODE_EXTRA_CA_CERTS. Undefined when it is not set: Node's defaults hold.
 *
 * @throws DevaccessError DA_CA_BUNDLE when the file cannot be read or holds no certificate
 */
export function trustedRoots(env: Environment): SecureContext | undefined {
  const file = envValue(env, 'AWS_CA_BUNDLE');
  if (file === undefined) return undefined;
  try {
    const bundle = readFileSync(file, 'utf8');
    if (!bundle.includes('-----BEGIN ')) throw new Error('it holds no PEM certificate');
    return tls.createSecureContext({ ca: [...defaultRoots(env), bundle] });
  } catch (error) {
    throw new DevaccessError('DA_CA_BUNDLE', `AWS_CA_BUNDLE cannot be used: ${errorLine(error)}`, {
      next: 'name a file of PEM certificates, or unset it.',
      cause: error,
    });
  }
}

/** Given any `ca`, Node forgets those it trusts by default. */
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
