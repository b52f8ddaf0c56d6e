import type { Agent as HttpAgent, IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { apiAgents } from '../aws/api-agents.ts';
import type { Connections } from '../aws/connections.ts';

/** How one HTTP exchange ended well: with whatever status. */
export interface HttpAnswer {
  status: number;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | undefined>>;
  body: string;
}

interface HttpPost {
  url: URL;
  /** Path and query, exactly as they go into the request line. */
  target: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** Sends one POST. @throws errors of Node and of `Connections` */
export type Post = (request: HttpPost) => Promise<HttpAnswer>;

/** An answer with credentials has 2 KiB. */
const MAX_ANSWER_BYTES = 256 * 1024;
/** For all of one exchange, from the first packet of the connection on. */
const EXCHANGE_MS = 10_000;

/**
 * POSTs over connections of ours. Redirects are not followed: they are an answer as any.
 *
 * @param exchangeMs for all of an exchange
 */
export function postOver(connections: Connections, exchangeMs = EXCHANGE_MS): Post {
  const { httpAgent, httpsAgent } = apiAgents(connections);
  return ({ url, target, headers, body }) =>
    new Promise((resolve, reject) => {
      const isPlain = url.protocol === 'http:';
      const agent: HttpAgent = isPlain ? httpAgent : httpsAgent;
      const request = (isPlain ? httpRequest : httpsRequest)({
        host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: url.port,
        method: 'POST',
        path: target,
        headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
        agent,
      });
      const late = Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' });
      const timer = setTimeout(() => request.destroy(late), exchangeMs);
      request.on('close', () => clearTimeout(timer));
      request.on('error', reject);
      request.on('response', (answer) => {
        collect(answer).then(resolve, reject);
      });
      request.end(body);
    });
}

async function collect(answer: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop ends the connection.
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  const headers = Object.entries(answer.headers).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value] as const,
  );
  return {
    status: answer.statusCode ?? 0,
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks).toString('utf8'),
  };
}
