import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What the front does with one request or upgrade. A number is an HTTP status to refuse it with. */
export type Treatment =
  'pass' | 'reset' | 'silence' | number | { redirect: string } | { awsError: string };

interface Stream {
  readonly client: Duplex;
  readonly gateway: Socket;
}

/**
 * Stands between the programs under test and the sandbox, and treats them as networks and services
 * do on a bad day: refuses, resets, goes silent, cuts. Stream addresses lead through it, to
 * another of its ports each time.
 */
export class Front {
  /** How calls of an operation (`SSM.ResumeSession`) are treated. */
  api: (operation: string) => Treatment | Promise<Treatment> = () => 'pass';
  upgrade: () => Treatment = () => 'pass';
  /** Cuts a stream after it has carried so many bytes; counted anew for each. */
  cutEveryBytes = Infinity;
  /** While true, streams stay open and carry nothing. */
  isSilent = false;
  /** What happened, in order: operations called, upgrades tried. */
  readonly events: string[] = [];
  cuts = 0;
  /** Every byte clients sent in upgrade requests and on streams that were not passed on. */
  readonly seenElsewhere: Buffer[] = [];
  readonly #sandboxPort: number;
  readonly #servers: Server[] = [];
  readonly #streams = new Set<Stream>();
  #nextStreamServer = 0;
  /** Where stream addresses are to lead instead. */
  streamOrigin: string | undefined;

  private constructor(sandboxPort: number) {
    this.#sandboxPort = sandboxPort;
  }

  static async open(sandboxEndpoint: string): Promise<Front> {
    const front = new Front(Number(new URL(sandboxEndpoint).port));
    for (let count = 0; count < 3; count += 1) {
      const server = createServer((request, response) => void front.#call(request, response));
      server.on('upgrade', (request, socket, head) => front.#upgrade(request, socket, head));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      front.#servers.push(server);
    }
    return front;
  }

  /** Programs started with this talk to the front. */
  get env(): Record<string, string> {
    return { AWS_ENDPOINT_URL: `http://127.0.0.1:${this.#port(0)}` };
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Cuts every stream, as a network does. */
  cut(): void {
    this.cuts += this.#streams.size;
    this.#reset();
  }

  /** What is still open when a program has just ended is no cut. */
  close(): void {
    this.#reset();
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  #reset(): void {
    for (const { client, gateway } of this.#streams) {
      if ('resetAndDestroy' in client) (client as Socket).resetAndDestroy();
      gateway.destroy();
    }
  }

  #port(index: number): number {
    return (this.#servers[index]!.address() as AddressInfo).port;
  }

  async #call(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const operation = String(request.headers['x-amz-target'] ?? request.url).replace(/^Amazon/, '');
    this.events.push(operation);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const treatment = await this.api(operation);
    if (treatment === 'silence') return;
    if (treatment !== 'pass') {
      refuse(response.socket!, treatment);
      return;
    }
    const forwarded = httpRequest({
      port: this.#sandboxPort,
      host: '127.0.0.1',
      method: request.method,
      path: request.url,
      headers: request.headers,
    });
    forwarded.end(Buffer.concat(chunks));
    const [answer] = (await once(forwarded, 'response')) as [IncomingMessage];
    const body: Buffer[] = [];
    for await (const chunk of answer) body.push(chunk as Buffer);
    const text = this.#rewritten(Buffer.concat(body).toString('utf8'));
    const headers = { ...answer.headers, 'content-length': String(Buffer.byteLength(text)) };
    response.writeHead(answer.statusCode ?? 500, headers);
    response.end(text);
  }

  #rewritten(body: string): string {
    return body.replace(/"StreamUrl":"ws:\/\/127\.0\.0\.1:\d+/, () => {
      this.#nextStreamServer = (this.#nextStreamServer + 1) % this.#servers.length;
      const origin = this.streamOrigin ?? `ws://127.0.0.1:${this.#port(this.#nextStreamServer)}`;
      return `"StreamUrl":"${origin}`;
    });
  }

  #upgrade(request: IncomingMessage, client: Duplex, head: Buffer): void {
    client.on('error', () => undefined);
    const treatment = this.upgrade();
    this.events.push(`upgrade on ${request.socket.localPort}: ${JSON.stringify(treatment)}`);
    if (treatment !== 'pass') {
      this.seenElsewhere.push(head);
      client.on('data', (chunk: Buffer) => this.seenElsewhere.push(chunk));
      if (treatment !== 'silence') refuse(client, treatment);
      return;
    }
    const gateway = connect({ port: this.#sandboxPort, host: '127.0.0.1', noDelay: true });
    const stream: Stream = { client, gateway };
    this.#streams.add(stream);
    gateway.write(`GET ${request.url} HTTP/1.1\r\n${rawHeaders(request)}\r\n\r\n`);
    if (head.length > 0) gateway.write(head);
    this.#carry(stream, client, gateway);
    this.#carry(stream, gateway, client);
    gateway.on('error', () => undefined);
    const over = (): void => {
      this.#streams.delete(stream);
      client.destroy();
      gateway.destroy();
    };
    client.on('close', over);
    gateway.on('close', over);
  }

  #carry(stream: Stream, from: Duplex, to: Duplex): void {
    let carried = 0;
    from.on('data', (chunk: Buffer) => {
      if (this.isSilent) return;
      carried += chunk.length;
      if (carried >= this.cutEveryBytes) {
        this.cuts += 1;
        stream.client.destroy();
        stream.gateway.destroy();
        return;
      }
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
  }
}

function rawHeaders({ rawHeaders: raw }: IncomingMessage): string {
  const lines: string[] = [];
  for (let at = 0; at < raw.length; at += 2) lines.push(`${raw[at]}: ${raw[at + 1]}`);
  return lines.join('\r\n');
}

function refuse(socket: Duplex, treatment: Exclude<Treatment, 'pass' | 'silence'>): void {
  if (treatment === 'reset') {
    if ('resetAndDestroy' in socket) (socket as Socket).resetAndDestroy();
    return;
  }
  if (typeof treatment === 'object' && 'awsError' in treatment) {
    const body = JSON.stringify({ __type: treatment.awsError, message: 'not allowed' });
    socket.end(
      `HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.1\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
    return;
  }
  const status = typeof treatment === 'number' ? treatment : 302;
  const location = typeof treatment === 'number' ? '' : `Location: ${treatment.redirect}\r\n`;
  socket.end(
    `HTTP/1.1 ${status} Refused\r\n${location}Content-Length: 0\r\nConnection: close\r\n\r\n`,
  );
}
