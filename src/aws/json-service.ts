import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { AwsCredentialIdentity } from '@smithy/types';
import { DevaccessError } from '../platform/errors.ts';
import { VERSION } from '../platform/version.ts';
import type { Connections } from './connections.ts';
import { signedHeaders } from './sign-request.ts';

/**
 * Calls of an AWS service that speaks JSON 1.1, without the SDK's client: every `ssh` makes one, and
 * loading that client took longer than the call. What the client does for a call is done here: SigV4,
 * a clock that goes wrong, time limits, proxies and trusted roots, errors with
 * the service's names. What comes after a failure is left to the SDK's retry rules.
 */
export interface JsonServiceOptions {
  /** As AWS signs for it: `ssm`. */
  service: string;
  /** In front of each operation in `X-Amz-Target`: `AmazonSSM`. */
  target: string;
  region: string;
  endpoint: URL;
  /** Asked before every call. */
  credentials: () => Promise<AwsCredentialIdentity>;
  connections: Connections;
}

const USER_AGENT = `devaccess/${VERSION} os/${process.platform} lang/js md/nodejs#${process.versions.node}`;

export type JsonObject = Readonly<Record<string, unknown>>;

const MAX_ATTEMPTS = 3;
const CONNECT_TIMEOUT_MS = 5_000;
/** From the request to the end of its answer. */
const ANSWER_TIMEOUT_MS = 20_000;
/** The answers that are known have a few thousand. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** What the SDK takes for a wrong clock; AWS itself refuses from 5 minutes on. */
const WRONG_CLOCK_MS = 4 * 60_000;

/** As the SDK's: named as the service names it, so that all who know the one know the other. */
class ServiceError extends Error {
  readonly $metadata: {
    httpStatusCode: number;
    requestId: string | undefined;
    clockSkewCorrected: boolean;
  };
  readonly $response: { statusCode: number; headers: Record<string, string> };

  constructor(answer: Answer, content: JsonObject | undefined, clockSkewCorrected: boolean) {
    const { status: httpStatusCode, headers } = answer;
    super(firstText(content?.['message'], content?.['Message']) ?? 'UnknownError');
    this.name = errorName(headers, content);
    const requestId = firstText(headers['x-amzn-requestid']);
    this.$metadata = { httpStatusCode, requestId, clockSkewCorrected };
    const entries = Object.entries(headers).map(([name, value]) => [name, String(value)]);
    this.$response = {
      statusCode: httpStatusCode,
      headers: Object.fromEntries(entries) as Record<string, string>,
    };
  }
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export class JsonService {
  readonly #options: JsonServiceOptions;
  /** The service's clock minus ours, as its last answer told. */
  #clockOffsetMs = 0;

  constructor(options: JsonServiceOptions) {
    this.#options = options;
  }

  /** The service's time, as far as it is known: what is signed must bear it. */
  get now(): Date {
    return new Date(Date.now() + this.#clockOffsetMs);
  }

  /**
   * @param onSent called when the request is on its way
   * @returns what the service answered
   * @throws an error with the service's name, or that of the network; DevaccessError DA_PROXY,
   *   DA_CA_BUNDLE; what the credentials failed with
   */
  async call(operation: string, input: JsonObject, onSent?: () => void): Promise<JsonObject> {
    const credentials = await this.#options.credentials();
    const body = JSON.stringify(input);
    let again: ((error: unknown) => Promise<boolean>) | undefined;
    for (;;) {
      try {
        return await this.#attempt(operation, body, credentials, onSent);
      } catch (error) {
        if (again === undefined) {
          // Few calls fail; the others do not load this.
          const { ServiceRetries } = await import('./service-retries.ts');
          const retries = new ServiceRetries(MAX_ATTEMPTS);
          again = (failure) => retries.again(failure);
        }
        if (!(await again(error))) throw error;
      }
    }
  }

  async #attempt(
    operation: string,
    body: string,
    credentials: AwsCredentialIdentity,
    onSent: (() => void) | undefined,
  ): Promise<JsonObject> {
    const { service, target, region, endpoint } = this.#options;
    const url = new URL(endpoint);
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    const headers = signedHeaders({
      service,
      region,
      credentials,
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'content-length': String(Buffer.byteLength(body)),
        'x-amz-target': `${target}.${operation}`,
      },
      body,
      date: this.now,
    });
    const answer = await this.#exchange(
      url,
      { ...headers, 'user-agent': USER_AGENT },
      body,
      onSent,
    );
    const isClockCorrected = this.#setClock(answer.headers);
    const content = jsonObject(answer.body);
    if (answer.status < 200 || answer.status >= 300 || content === undefined) {
      throw new ServiceError(answer, content, isClockCorrected);
    }
    return content;
  }

  /** One request on a connection of its own: calls are rare. */
  #exchange(
    url: URL,
    headers: Record<string, string>,
    body: string,
    onSent: (() => void) | undefined,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let socket: Socket | undefined;
      let isOver = false;
      const clear = (): void => {
        clearTimeout(connect);
        clearTimeout(answer);
      };
      const fail = (error: unknown): void => {
        clear();
        isOver = true;
        socket?.destroy();
        reject(withHost(error, url.host));
      };
      const connect = limit('connecting', CONNECT_TIMEOUT_MS, fail);
      const answer = limit('the answer', ANSWER_TIMEOUT_MS, fail);
      const send = (connected: Socket): void => {
        socket = connected;
        if (isOver) {
          connected.destroy();
          return;
        }
        if (!connected.connecting) clearTimeout(connect);
        else connected.once('connect', () => clearTimeout(connect));
        const path = `${url.pathname}${url.search}`;
        // The connection is encrypted already where it is to be.
        const call = request({ createConnection: () => connected, method: 'POST', path, headers });
        call.on('error', fail);
        if (onSent !== undefined) call.on('finish', onSent);
        call.on('response', (response) => {
          readAnswer(response, fail, (found) => {
            clear();
            resolve(found);
          });
        });
        call.end(body);
      };
      try {
        const claimed = this.#options.connections.claim('api', url);
        if (claimed instanceof Promise) claimed.then(send).catch(fail);
        else send(claimed);
      } catch (error) {
        fail(error);
      }
    });
  }

  /** Whether the answer showed that the request was signed with a wrong time. */
  #setClock({ date, age }: IncomingHttpHeaders): boolean {
    const serviceMs = Date.parse(date ?? '');
    // An age is that of an answer from a cache.
    if (Number.isNaN(serviceMs) || age !== undefined) return false;
    const before = this.#clockOffsetMs;
    const offsetMs = serviceMs - Date.now();
    this.#clockOffsetMs = Math.abs(offsetMs) >= WRONG_CLOCK_MS ? offsetMs : 0;
    return Math.abs(this.#clockOffsetMs - before) >= WRONG_CLOCK_MS;
  }
}

/** Fails what takes too long. */
function limit(what: string, milliseconds: number, fail: (error: Error) => void): NodeJS.Timeout {
  return setTimeout(() => {
    const error = new Error(`${what} took longer than ${milliseconds / 1000} s`);
    // The SDK's name for it.
    fail(Object.assign(error, { name: 'TimeoutError' }));
  }, milliseconds);
}

/** Network errors of Node name the host only sometimes. */
function withHost(error: unknown, endpointHost: string): Error {
  const known = error instanceof Error ? error : new Error(String(error));
  return known instanceof DevaccessError ? known : Object.assign(known, { endpointHost });
}

function readAnswer(
  response: IncomingMessage,
  fail: (error: unknown) => void,
  done: (answer: Answer) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) fail(new Error('the answer is larger than any of AWS'));
  });
  response.on('error', fail);
  response.on('end', () => {
    const { statusCode = 0, headers } = response;
    done({ status: statusCode, headers, body: Buffer.concat(chunks) });
  });
}

/** Undefined for what is none. */
function jsonObject(body: Buffer): JsonObject | undefined {
  if (body.length === 0) return {};
  try {
    const content: unknown = JSON.parse(body.toString('utf8'));
    const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
    return isObject ? (content as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** `com.amazon.x#Name:http://…` is `Name`; what has none is no answer of AWS. */
function errorName(headers: IncomingHttpHeaders, content: JsonObject | undefined): string {
  const { __type: type, code, Code } = content ?? {};
  const named = firstText(type, code, Code, headers['x-amzn-errortype']) ?? '';
  return /^(?:[^,:]*#)?([^,:#]+)/.exec(named)?.[1] ?? 'Unknown';
}

function firstText(...values: unknown[]): string | undefined {
  return values.find((value) => typeof value === 'string');
}
