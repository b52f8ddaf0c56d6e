import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity } from '@smithy/types';

/** The SHA-256 that the signer wants as a class. */
class Sha256 extends Hash {
  constructor(secret?: ConstructorParameters<typeof Hash>[1]) {
    super('sha256', secret);
  }
}

/**
 * SigV4 headers for the WebSocket upgrade (docs/protocol.md §1.2): service `ssmmessages`, empty
 * body. An address that is presigned already gets none.
 */
export async function signedUpgradeHeaders(
  url: URL,
  region: string,
  credentials: AwsCredentialIdentity,
): Promise<Record<string, string>> {
  if ([...url.searchParams.keys()].some((name) => /^x-amz-/i.test(name))) return {};
  const signer = new SignatureV4({ service: 'ssmmessages', region, credentials, sha256: Sha256 });
  const { headers } = await signer.sign({
    method: 'GET',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { host: url.host },
  });
  const { host: _host, ...added } = headers;
  return added;
}
