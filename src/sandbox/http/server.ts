import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { collectHeaders, header } from './message.ts';
import type { RawRequest, Reply } from './message.ts';
import type { HttpService, Intercept } from './service.ts';
import type { SignatureVerifier } from './signature.ts';
import { parseSignature } from './signature-fields.ts';

const BODY_LIMIT_BYTES = 1024 * 1024;

interface ServerOptions {
  services: readonly HttpService[];
  verifier: SignatureVerifier;
  /** What the `Date` of answers tells, by which clients find out that their clock is wrong. */
  now: () => number;
  /** Sees every call that is authentic, before it is carried out. */
  intercept?: Intercept | undefined;
}

/**
 * The one HTTP server of all services. A request belongs to the service its credential scope
 * names, as every client of `AWS_ENDPOINT_URL` sends all services to the same place; unsigned
 * requests are told apart by their target or API version.
 */
export function createApiServer(options: ServerOptions): Server {
  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 60_000,
      maxHeaderSize: 32 * 1024,
    },
    (incoming, outgoing) => {
      respond(incoming, outgoing, options).catch(() => {
        // Not the client's doing: it gets no answer, and the sandbox goes on.
        outgoing.destroy();
      });
    },
  );
  server.maxRequestsPerSocket = 0;
  return server;
}

async function respond(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  outgoing.setHeader('Date', new Date(options.now()).toUTCString());
  const body = await readBody(incoming);
  // A client that went away hears nothing more.
  if (body === 'aborted') return;
  if (body === 'too-large') {
    const message = 'Request size exceeded the limit of 1 MiB.';
    send(outgoing, plainError(413, 'RequestEntityTooLarge', message), { close: true });
    return;
  }
  const request: RawRequest = {
    method: incoming.method ?? '',
    target: incoming.url ?? '/',
    headers: collectHeaders(incoming.rawHeaders),
    body,
    remoteAddress: incoming.socket.remoteAddress,
  };
  send(outgoing, dispatch(request, options));
}

function dispatch(request: RawRequest, { services, verifier, intercept }: ServerOptions): Reply {
  const parsed = parseSignature(request);
  const scoped = parsed.state === 'signed' ? parsed.fields.scope.service : undefined;
  const service =
    services.find(({ signingName }) => signingName === scoped) ??
    services.find((candidate) => candidate.claims(request));
  if (service === undefined) {
    const name = scoped ?? header(request, 'x-amz-target') ?? 'this request';
    return plainError(404, 'UnknownOperationException', `No service here answers ${name}.`);
  }
  const verification = verifier.verify(request, [service.signingName]);
  return service.answer(request, verification, randomUUID(), intercept);
}

/** Reads the body up to its limit; the rest of a larger one is not read. */
function readBody(incoming: IncomingMessage): Promise<Buffer | 'too-large' | 'aborted'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > BODY_LIMIT_BYTES) {
        incoming.pause();
        resolve('too-large');
      } else {
        chunks.push(chunk);
      }
    });
    incoming.on('end', () => resolve(Buffer.concat(chunks)));
    incoming.on('error', () => resolve('aborted'));
    incoming.on('close', () => resolve('aborted'));
  });
}

function send(outgoing: ServerResponse, reply: Reply, { close = false } = {}): void {
  outgoing.writeHead(reply.status, {
    ...reply.headers,
    'Content-Length': Buffer.byteLength(reply.body),
    ...(close ? { Connection: 'close' } : {}),
  });
  outgoing.end(reply.body);
}

/** For what reaches no service: readable by the JSON clients' error parsers. */
function plainError(status: number, code: string, message: string): Reply {
  return {
    status,
    headers: {
      'x-amzn-RequestId': randomUUID(),
      'x-amzn-ErrorType': code,
      'Content-Type': 'application/x-amz-json-1.1',
    },
    body: JSON.stringify({ __type: code, message }),
  };
}
