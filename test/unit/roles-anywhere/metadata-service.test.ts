import { describe, expect, it } from 'vitest';
import { answerMetadata } from '../../../src/roles-anywhere/serve/metadata-service.ts';
import type { MetadataAnswer } from '../../../src/roles-anywhere/serve/metadata-service.ts';
import { MetadataTokens } from '../../../src/roles-anywhere/serve/metadata-tokens.ts';

const TTL = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN = 'x-aws-ec2-metadata-token';
const TOKEN_PATH = '/latest/api/token';
const ROLES = '/latest/meta-data/iam/security-credentials';
const ENDS_MS = Date.UTC(2030, 0, 1, 1);

/** An endpoint with a clock of its own. */
class Endpoint {
  nowMs = Date.UTC(2030, 0, 1);
  readonly #source = {
    roleName: 'node+1',
    tokens: new MetadataTokens(() => this.nowMs),
    credentials: () =>
      this.nowMs >= ENDS_MS
        ? Promise.reject(new Error('secret reason'))
        : Promise.resolve({
            accessKeyId: 'ASIA1',
            secretAccessKey: 's/1',
            sessionToken: 't',
            obtainedMs: ENDS_MS - 3_600_000,
            expirationMs: ENDS_MS,
          }),
  };

  ask(
    method: string,
    target: string,
    headers: Record<string, string> = {},
  ): Promise<MetadataAnswer> {
    const request = { method, target, headers: { host: '127.0.0.1:9911', ...headers } };
    return answerMetadata(request, this.#source);
  }

  async token(seconds = 21_600): Promise<Record<string, string>> {
    const { body } = await this.ask('PUT', TOKEN_PATH, { [TTL]: String(seconds) });
    return { [TOKEN]: body };
  }
}

describe('a token', () => {
  it('is given for the time that is asked for, and is good for that long', async () => {
    const endpoint = new Endpoint();
    const given = await endpoint.ask('PUT', TOKEN_PATH, { [TTL]: '60' });
    expect(given).toMatchObject({ status: 200, headers: { [TTL]: '60' } });
    expect(given.headers['content-type']).toBe('text/plain');
    expect(given.body).toMatch(/^[\w+/]{56}$/);
    const headers = { [TOKEN]: given.body };
    endpoint.nowMs += 59_500;
    expect(await endpoint.ask('GET', ROLES, headers)).toMatchObject({ headers: { [TTL]: '1' } });
    endpoint.nowMs += 500;
    expect(await endpoint.ask('GET', ROLES, headers)).toMatchObject({ status: 401 });
  });

  it.each([[undefined], ['0'], ['21601'], ['-1'], ['1e3'], ['60 '], [''], ['9999999999']])(
    'is not given for %s seconds',
    async (seconds) => {
      const headers: Record<string, string> = seconds === undefined ? {} : { [TTL]: seconds };
      expect(await new Endpoint().ask('PUT', TOKEN_PATH, headers)).toMatchObject({ status: 400 });
    },
  );

  it('is one of 256 at most, of which the longest unused one goes', async () => {
    const endpoint = new Endpoint();
    const used = await endpoint.token();
    const forgotten = await endpoint.token();
    for (let count = 0; count < 400; count += 1) {
      await endpoint.token();
      await endpoint.ask('GET', ROLES, used);
    }
    expect(await endpoint.ask('GET', ROLES, used)).toMatchObject({ status: 200 });
    expect(await endpoint.ask('GET', ROLES, forgotten)).toMatchObject({ status: 401 });
  });
});

describe('credentials', () => {
  it('are found under the name of the role, with a token', async () => {
    const endpoint = new Endpoint();
    const token = await endpoint.token();
    for (const path of [ROLES, `${ROLES}/`, `/${ROLES}/`]) {
      expect(await endpoint.ask('GET', path, token)).toMatchObject({ status: 200, body: 'node+1' });
    }
    for (const name of ['node+1', 'node%2B1']) {
      const { status, headers, body } = await endpoint.ask('GET', `${ROLES}/${name}`, token);
      expect(status).toBe(200);
      expect(headers).toMatchObject({ 'content-type': 'application/json', [TTL]: '21600' });
      expect(JSON.parse(body)).toEqual({
        Code: 'Success',
        LastUpdated: '2030-01-01T00:00:00Z',
        Type: 'AWS-HMAC',
        AccessKeyId: 'ASIA1',
        SecretAccessKey: 's/1',
        Token: 't',
        Expiration: '2030-01-01T01:00:00Z',
      });
    }
  });

  it('that there are none of are a 503, which says no more', async () => {
    const endpoint = new Endpoint();
    endpoint.nowMs = ENDS_MS;
    const given = await endpoint.ask('GET', `${ROLES}/node+1`, await endpoint.token());
    expect(given).toMatchObject({ status: 503, body: 'Service Unavailable' });
  });

  it.each([
    ['without a token', 'GET', `${ROLES}/node+1`, {}, 401],
    ['with a made-up one', 'GET', `${ROLES}/node+1`, { [TOKEN]: 'x' }, 401],
    ['of another role', 'GET', `${ROLES}/other`, undefined, 404],
    ['below the role', 'GET', `${ROLES}/node+1/x`, undefined, 404],
    ['with half an escape', 'GET', `${ROLES}/%`, undefined, 404],
    ['by another way', 'GET', '/latest/api/../meta-data/iam/security-credentials/', undefined, 404],
    ['of another path', 'GET', '/latest/meta-data/placement/region', undefined, 404],
    ['below the token', 'PUT', `${TOKEN_PATH}/x`, { [TTL]: '60' }, 404],
    ['by POST', 'POST', `${ROLES}/node+1`, undefined, 405],
    ['by a preflight', 'OPTIONS', ROLES, undefined, 405],
    ['by reading the token', 'GET', TOKEN_PATH, { [TTL]: '60' }, 405],
    ['under a name of an attacker', 'GET', ROLES, { host: 'evil.example:9911' }, 403],
    ['under one that begins alike', 'GET', ROLES, { host: '127.0.0.1.evil.example' }, 403],
    ['under none', 'GET', ROLES, { host: '' }, 403],
    ['from a page', 'PUT', TOKEN_PATH, { [TTL]: '60', origin: 'http://localhost' }, 403],
    ['through a proxy', 'PUT', TOKEN_PATH, { [TTL]: '60', 'x-forwarded-for': '192.0.2.1' }, 400],
  ])('are not given %s', async (_name, method, path, headers, status) => {
    const endpoint = new Endpoint();
    const token = await endpoint.token();
    const given = status === 401 ? headers : { ...token, ...headers };
    const asked = await endpoint.ask(method, path, given);
    expect(asked.status).toBe(status);
    expect(asked.body).not.toContain('ASIA1');
  });

  it.each(['localhost', 'LOCALHOST:9911', '127.0.0.1', '[::1]:9911'])(
    'are for host %s',
    async (host) => {
      expect(await new Endpoint().ask('PUT', TOKEN_PATH, { [TTL]: '60', host })).toMatchObject({
        status: 200,
      });
    },
  );
});
