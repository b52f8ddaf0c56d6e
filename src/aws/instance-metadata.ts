import { request } from 'node:http';
import { DevaccessError, printable } from '../platform/errors.ts';
import { LONGEST_SESSION_MS } from './expiration.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/** Credentials of the role of an EC2 instance. */
export interface InstanceCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expirationMs: number;
  roleName: string;
  instanceId: string | undefined;
  region: string | undefined;
}

interface Answer {
  status: number;
  body: string;
}

const IPV4 = 'http://169.254.169.254';
const IPV6 = 'http://[fd00:ec2::254]';
const TOKEN_PATH = '/latest/api/token';
const TOKEN_LIFE_S = 300;
const ROLE_PATH = '/latest/meta-data/iam/security-credentials/';
const ROLE = /^[\w+=,.@-]{1,64}$/;
const TIMEOUT_MS = 1_000;
const TRIES = 3;
const MAX_BYTES = 65_536;

/**
 * The credentials of this machine's instance profile, by IMDSv2 alone: never without a token, never
 * by a proxy, and no address it may be redirected to (5.6 of the facts on nodes).
 *
 * @param env AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE,
 *   AWS_EC2_METADATA_DISABLED
 * @throws DevaccessError DA_METADATA where the service does not answer, or not as it should;
 *   DA_METADATA_NO_ROLE
 */
export async function instanceCredentials(
  env: Environment,
  nowMs: number,
): Promise<InstanceCredentials> {
  if (envValue(env, 'AWS_EC2_METADATA_DISABLED')?.toLowerCase() === 'true') {
    throw failure('it is switched off by AWS_EC2_METADATA_DISABLED', 'unset the variable');
  }
  const metadata = new Metadata(endpointOf(env));
  const roles = await metadata.get(ROLE_PATH);
  const roleName = roles?.split('\n')[0]?.trim() ?? '';
  if (roleName === '') {
    throw new DevaccessError('DA_METADATA_NO_ROLE', 'This instance has no instance profile', {
      next: 'attach one with the role it is to have',
    });
  }
  if (!ROLE.test(roleName)) throw strange('a name that is none of a role');
  const credentials = readCredentials(await metadata.get(ROLE_PATH + roleName), nowMs);
  const instanceId = await metadata.get('/latest/meta-data/instance-id');
  const region = await metadata.get('/latest/meta-data/placement/region');
  return {
    ...credentials,
    roleName,
    instanceId: /^i-[0-9a-f]{8,17}$/.exec(instanceId ?? '')?.[0],
    region: /^[a-z]{2,5}(-[a-z]+){1,3}-\d{1,2}$/.exec(region ?? '')?.[0],
  };
}

class Metadata {
  readonly #endpoint: URL;
  #token: string | undefined;

  constructor(endpoint: URL) {
    this.#endpoint = endpoint;
  }

  /** @returns undefined where there is no such thing (404) */
  async get(path: string): Promise<string | undefined> {
    for (const isLast of [false, true]) {
      this.#token ??= await this.#newToken();
      const { status, body } = await this.#send('GET', path, {
        'x-aws-ec2-metadata-token': this.#token,
      });
      if (status === 200) return body;
      if (status === 404) return undefined;
      if (status !== 401 || isLast) throw this.#refused(status);
      // The token is over: a new one, once.
      this.#token = undefined;
    }
    return undefined;
  }

  async #newToken(): Promise<string> {
    const { status, body } = await this.#send('PUT', TOKEN_PATH, {
      'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_LIFE_S),
    });
    const token = body.trim();
    if (status === 200 && /^[\x21-\x7e]{1,1024}$/.test(token)) return token;
    throw status === 200 ? strange('no token') : this.#refused(status);
  }

  async #send(method: string, path: string, headers: Record<string, string>): Promise<Answer> {
    for (let left = TRIES - 1; ; left -= 1) {
      try {
        const answer = await send(new URL(path, this.#endpoint), method, headers);
        if (answer.status < 500 || left === 0) return answer;
      } catch (error) {
        if (error instanceof DevaccessError) throw error;
        if (left === 0) {
          const why = printable(error instanceof Error ? error.message : String(error));
          throw failure(
            `${this.#endpoint.host} does not answer: ${why}`,
            'it is there on EC2 instances alone; in a container the hop limit may be too low',
          );
        }
      }
    }
  }

  #refused(status: number): DevaccessError {
    const next =
      status === 403
        ? 'it is switched off for this instance (HttpEndpoint)'
        : 'check AWS_EC2_METADATA_SERVICE_ENDPOINT';
    return failure(`${this.#endpoint.host} refuses (HTTP ${status})`, next);
  }
}

function send(url: URL, method: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method,
        headers,
        agent: false,
        timeout: TIMEOUT_MS,
        signal: AbortSignal.timeout(3 * TIMEOUT_MS),
      },
      (response) => {
        const parts: Buffer[] = [];
        let size = 0;
        response.on('data', (part: Buffer) => {
          size += part.length;
          parts.push(part);
          if (size > MAX_BYTES) response.destroy(strange('more than it can say'));
        });
        response.on('error', reject);
        response.on('end', () => {
          const body = Buffer.concat(parts).toString('utf8');
          resolve({ status: response.statusCode ?? 0, body });
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', reject);
    sent.end();
  });
}

function endpointOf(env: Environment): URL {
  const named = envValue(env, 'AWS_EC2_METADATA_SERVICE_ENDPOINT');
  const isIpv6 = /^ipv6$/i.test(envValue(env, 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE') ?? '');
  const text = named ?? (isIpv6 ? IPV6 : IPV4);
  if (URL.canParse(text) && new URL(text).protocol === 'http:') return new URL(text);
  throw new DevaccessError('DA_ENDPOINT', 'AWS_EC2_METADATA_SERVICE_ENDPOINT is no http:// URL', {
    next: 'correct it, or unset it',
  });
}

function readCredentials(text: string | undefined, nowMs: number) {
  const { Code, AccessKeyId, SecretAccessKey, Token, Expiration } = parseRecord(text);
  if (Code !== 'Success') throw strange(`the code ${printable(String(Code)).slice(0, 60)}`);
  if (!isWord(AccessKeyId) || !isWord(SecretAccessKey) || !isWord(Token)) {
    throw strange('credentials without a part');
  }
  const expirationMs = typeof Expiration === 'string' ? Date.parse(Expiration) : NaN;
  const isEnd = expirationMs <= nowMs + LONGEST_SESSION_MS;
  if (!isEnd) throw strange('credentials without an end');
  if (expirationMs <= nowMs) throw strange('credentials that are over');
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
    expirationMs,
  };
}

function parseRecord(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '');
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw strange('no credentials');
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,16384}$/.test(value);
}

function strange(what: string): DevaccessError {
  return failure(`it gave ${what}`, 'try again; check AWS_EC2_METADATA_SERVICE_ENDPOINT');
}

function failure(why: string, next: string): DevaccessError {
  return new DevaccessError('DA_METADATA', `The instance metadata service: ${why}`, { next });
}
