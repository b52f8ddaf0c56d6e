import { describe, expect, it } from 'vitest';
import {
  endpointFindings,
  endpointSettings,
  switchFindings,
} from '../../../src/doctor/endpoint-findings.ts';
import type { EndpointProbe, ProbeOutcome } from '../../../src/doctor/probe-endpoint.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';

const USUAL = { isFips: false, isDualStack: false };
const ANSWER: ProbeOutcome = {
  state: 'answers',
  status: 404,
  millis: 34,
  serverMs: undefined,
  clockMs: 0,
};

function probe(
  outcome: ProbeOutcome,
  rest: { service?: EndpointProbe['address']['service']; proxy?: string; setting?: string } = {},
): EndpointProbe {
  const { service = 'sts', proxy, setting } = rest;
  return {
    address: {
      service,
      url: new URL(`https://${service}.eu-west-1.amazonaws.com`),
      setting: setting === undefined ? undefined : { name: setting, value: 'x' },
    },
    route:
      proxy === undefined
        ? { proxy: undefined, reason: 'NO_PROXY has amazonaws.com' }
        : { proxy: new URL(proxy), reason: 'HTTPS_PROXY' },
    outcome,
  };
}

const told = (...probes: EndpointProbe[]) =>
  endpointFindings(probes, USUAL).map(({ id, what, fix }) => ({ id, what, fix }));

describe('what an endpoint did', () => {
  it('is told with the way to it, and never with the password of a proxy', () => {
    const found = told(
      probe(ANSWER),
      probe(
        { ...ANSWER, status: 101 },
        { service: 'ssmmessages', proxy: 'http://u:secret@p:3128' },
      ),
    );
    expect(found).toEqual([
      {
        id: 'endpoint',
        what: 'sts (sts.eu-west-1.amazonaws.com) answers, directly (NO_PROXY has amazonaws.com), 34 ms',
        fix: null,
      },
      {
        id: 'endpoint',
        what: 'ssmmessages (ssmmessages.eu-west-1.amazonaws.com) takes WebSockets, through the proxy p:3128 (HTTPS_PROXY), 34 ms',
        fix: null,
      },
    ]);
  });

  it('is told once of all that failed alike', () => {
    const refused: ProbeOutcome = { state: 'no-connection', where: 'p:3128', code: 'ECONNREFUSED' };
    const proxy = 'http://u:secret@p:3128';
    expect(told(probe(refused, { proxy }), probe(refused, { proxy, service: 'ssm' }))).toEqual([
      {
        id: 'endpoint-connect',
        what:
          'sts (sts.eu-west-1.amazonaws.com), ssm (ssm.eu-west-1.amazonaws.com): ' +
          'no connection to the proxy p:3128 (ECONNREFUSED)',
        fix: { edit: 'check HTTPS_PROXY: is the proxy up, is its port right?' },
      },
    ]);
  });

  it.each([
    ['endpoint-name', { state: 'no-name', host: 'h', code: 'ENOTFOUND' }, 'HTTPS_PROXY where only'],
    ['endpoint-name', { state: 'no-name', host: 'h', code: undefined }, 'resolver'],
    ['endpoint-connect', { state: 'no-connection', where: 'h:443', code: undefined }, 'firewall'],
    [
      'endpoint-tls',
      { state: 'untrusted', code: 'SELF_SIGNED_CERT_IN_CHAIN', issuer: 'Corp' },
      'AWS_CA_BUNDLE',
    ],
    [
      'endpoint-tls',
      { state: 'untrusted', code: 'CERT_NOT_YET_VALID', issuer: undefined },
      'clock',
    ],
    [
      'endpoint-tls',
      { state: 'untrusted', code: 'ERR_TLS_CERT_ALTNAME_INVALID', issuer: 'x' },
      'another server',
    ],
    ['endpoint-answer', { state: 'no-answer', code: 'EPROTO' }, 'firewall'],
  ] as const)('%s: %j', (id, outcome, fix) => {
    const [found] = told(probe(outcome));
    expect(found).toMatchObject({ id, fix: { edit: expect.stringContaining(fix) as string } });
  });

  it('leads to the setting that is behind it', () => {
    const setting = 'AWS_ENDPOINT_URL_STS';
    for (const outcome of [
      { state: 'no-name', host: 'h', code: 'ENOTFOUND' },
      { state: 'no-connection', where: 'h:443', code: 'ECONNREFUSED' },
      { state: 'no-answer', code: 'EPROTO' },
    ] as const) {
      const [found] = told(probe(outcome, { setting }));
      expect(found?.fix).toEqual({ edit: expect.stringContaining(setting) as string });
    }
  });

  it('says what the proxy said, and leaves a bad bundle to the file it is about', () => {
    const error = new DevaccessError(
      'DA_PROXY',
      'The proxy p:1 refused a connection to h:443 (HTTP 407)',
      {
        next: 'put the user and password of the proxy into HTTPS_PROXY',
      },
    );
    expect(told(probe({ state: 'proxy-refused', error }, { proxy: 'http://p:1' }))).toEqual([
      {
        id: 'endpoint-proxy',
        what: 'sts (sts.eu-west-1.amazonaws.com): The proxy p:1 refused a connection (HTTP 407)',
        fix: { edit: 'put the user and password of the proxy into HTTPS_PROXY' },
      },
    ]);
    const bundle = new DevaccessError('DA_CA_BUNDLE', 'x');
    expect(told(probe({ state: 'setting', error: bundle }))).toEqual([]);
  });

  it('hints at endpoints that a region may not have', () => {
    const outcome = { state: 'no-name', host: 'h', code: 'ENOTFOUND' } as const;
    const [found] = endpointFindings([probe(outcome)], { isFips: true, isDualStack: true });
    expect(found?.fix).toEqual({ edit: expect.stringContaining('FIPS dual-stack') as string });
  });
});

describe('settings of endpoints', () => {
  it('are told once each, and warned of without TLS', () => {
    const of = (name: string, url: string) => ({
      service: 'sts' as const,
      url: new URL(url),
      setting: { name, value: url },
    });
    const addresses = [
      of('AWS_ENDPOINT_URL', 'http://127.0.0.1:1'),
      of('AWS_ENDPOINT_URL', 'http://127.0.0.1:1'),
      of('sts.endpoint_url', 'http://user:secret@aws.example/path'),
    ];
    const found = endpointSettings(addresses, { isFips: true, isDualStack: true });
    expect(found.map(({ id, severity, what }) => [id, severity, what])).toEqual([
      ['endpoint-setting', 'note', 'AWS_ENDPOINT_URL sends calls to http://127.0.0.1:1'],
      [
        'endpoint-plain',
        'warning',
        'sts.endpoint_url sends calls to http://aws.example, without TLS',
      ],
      ['endpoint-fips', 'note', 'FIPS endpoints are used'],
      ['endpoint-dual-stack', 'note', 'Dual-stack endpoints are used'],
    ]);
  });

  it('must be true or false where they are switches', () => {
    const ids = (env: Record<string, string>) => switchFindings(env).map(({ id }) => id);
    expect(ids({})).toEqual([]);
    expect(ids({ AWS_USE_FIPS_ENDPOINT: 'true', AWS_USE_DUALSTACK_ENDPOINT: 'yes' })).toEqual([
      'endpoint-switch',
    ]);
    expect(ids({ AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' })).toEqual(['endpoint-ignored']);
  });
});
