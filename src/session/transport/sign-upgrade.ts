import type { AwsCredentialIdentity } from '@smithy/types';
import { signedHeaders } from '../../aws/sign-request.ts';

/**
 * SigV4 headers for the WebSocket upgrade (docs/protocol.md §1.2): service `ssmmessages`, empty
 * body. An address that is presigned already gets none.
 */
export function signedUpgradeHeaders(
  url: URL,
  region: string,
  credentials: AwsCredentialIdentity,
  date = new Date(),
): Record<string, string> {
  if ([...url.searchParams.keys()].some((name) => /^x-amz-/i.test(name))) return {};
  const { host: _host, ...added } = signedHeaders({
    service: 'ssmmessages',
    region,
    credentials,
    method: 'GET',
    url,
    date,
  });
  return added;
}
