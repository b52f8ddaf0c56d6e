import { describe, expect, it } from 'vitest';
import { chooseProxy, exemption, proxyFor } from '../../../src/aws/proxy-choice.ts';

const AWS = 'https://ssm.eu-central-1.amazonaws.com/';
const chosen = (url: string, env: Record<string, string>): string | undefined =>
  proxyFor(new URL(url), env)?.href;

describe('which proxy applies', () => {
  it('is none without a setting', () => {
    expect(chosen(AWS, {})).toBeUndefined();
    expect(chosen(AWS, { HTTPS_PROXY: '' })).toBeUndefined();
  });

  it.each([
    [AWS, 'HTTPS_PROXY'],
    [AWS, 'https_proxy'],
    [AWS, 'ALL_PROXY'],
    [AWS, 'all_proxy'],
    ['wss://ssmmessages.eu-central-1.amazonaws.com/v1/x', 'HTTPS_PROXY'],
    ['http://aws.internal:4566/', 'HTTP_PROXY'],
    ['http://aws.internal:4566/', 'http_proxy'],
  ])('%s goes by %s', (url, name) => {
    expect(chosen(url, { [name]: 'http://proxy:3128' })).toBe('http://proxy:3128/');
  });

  it('goes by scheme, lower case before upper, and the special before the general', () => {
    expect(chosen(AWS, { HTTP_PROXY: 'http://proxy' })).toBeUndefined();
    expect(chosen('http://a.example/', { HTTPS_PROXY: 'http://proxy' })).toBeUndefined();
    expect(chosen(AWS, { https_proxy: 'http://low', HTTPS_PROXY: 'http://up' })).toBe(
      'http://low/',
    );
    expect(chosen(AWS, { ALL_PROXY: 'http://all', HTTPS_PROXY: 'http://one' })).toBe('http://one/');
  });

  it('takes an address without a scheme, users and passwords, and proxies behind TLS', () => {
    expect(chosen(AWS, { HTTPS_PROXY: 'proxy:3128' })).toBe('http://proxy:3128/');
    expect(chosen(AWS, { HTTPS_PROXY: 'http://u:p%40@proxy' })).toBe('http://u:p%40@proxy/');
    expect(chosen(AWS, { HTTPS_PROXY: 'https://proxy' })).toBe('https://proxy/');
  });

  it.each(['socks4://proxy:1080', 'socks5://', 'http://'])(
    'refuses %s, without repeating it',
    (setting) => {
      expect(() => chosen(AWS, { HTTPS_PROXY: setting })).toThrow(
        expect.objectContaining({ code: 'DA_PROXY' }),
      );
    },
  );

  it.each(['http://127.0.0.1:80/', 'https://localhost/', 'ws://[::1]:1/', 'http://127.9.9.9/'])(
    'never applies to this machine: %s',
    (url) => {
      const all = { ALL_PROXY: 'http://proxy', HTTP_PROXY: 'http://proxy' };
      expect(chosen(url, all)).toBeUndefined();
    },
  );

  it('spares what NO_PROXY names', () => {
    const env = { HTTPS_PROXY: 'http://proxy' };
    expect(chosen(AWS, { ...env, NO_PROXY: '.amazonaws.com' })).toBeUndefined();
    expect(chosen(AWS, { ...env, no_proxy: '*' })).toBeUndefined();
    expect(chosen(AWS, { ...env, no_proxy: 'a.example', NO_PROXY: '*' })).toBe('http://proxy/');
  });
});

describe('NO_PROXY', () => {
  it.each([
    ['*', 'https://any.example/'],
    ['amazonaws.com', 'https://ssm.amazonaws.com/'],
    ['amazonaws.com', 'https://amazonaws.com/'],
    ['.amazonaws.com', 'https://ssm.amazonaws.com/'],
    ['*.amazonaws.com', 'https://ssm.amazonaws.com/'],
    ['AmazonAWS.com', 'https://ssm.amazonaws.com/'],
    ['one.example, two.example', 'https://two.example/'],
    ['one.example two.example', 'https://two.example/'],
    ['a.example:8443', 'https://a.example:8443/'],
    ['a.example:443', 'wss://a.example/'],
    ['a.example:80', 'ws://a.example/'],
    ['10.0.0.1', 'https://10.0.0.1/'],
    ['10.0.0.1:8443', 'https://10.0.0.1:8443/'],
    ['10.0.0.0/8', 'https://10.200.3.4/'],
    ['0.0.0.0/0', 'https://192.0.2.1/'],
    ['[2001:db8::1]', 'https://[2001:db8::1]/'],
    ['[2001:db8::1]:8443', 'https://[2001:db8::1]:8443/'],
    ['2001:db8::/32', 'https://[2001:db8:1::1]/'],
  ])('%s exempts %s', (noProxy, url) => {
    expect(exemption(new URL(url), noProxy)).toBeDefined();
  });

  it.each([
    ['', 'https://any.example/'],
    [' , ', 'https://any.example/'],
    ['.', 'https://any.example/'],
    ['amazonaws.com', 'https://notamazonaws.com/'],
    ['ssm.amazonaws.com', 'https://amazonaws.com/'],
    ['a.example:8443', 'https://a.example/'],
    ['a.example:80', 'https://a.example/'],
    ['10.0.0.1', 'https://10.0.0.10/'],
    ['0.0.1', 'https://10.0.0.1/'],
    ['10.0.0.0/8', 'https://11.0.0.1/'],
    ['10.0.0.0/8', 'https://ten.example/'],
    ['10.0.0.0/99', 'https://10.0.0.1/'],
    ['10.0.0.0/', 'https://10.0.0.1/'],
    ['2001:db8::/32', 'https://[2001:db9::1]/'],
    ['2001:db8::/32', 'https://32.1.13.184/'],
  ])('%s does not exempt %s', (noProxy, url) => {
    expect(exemption(new URL(url), noProxy)).toBeUndefined();
  });
});

describe('why', () => {
  it.each([
    [{}, 'HTTPS_PROXY and ALL_PROXY are not set'],
    [{ https_proxy: 'http://p' }, 'https_proxy'],
    [{ ALL_PROXY: 'http://p' }, 'ALL_PROXY'],
    [
      { HTTPS_PROXY: 'http://p', no_proxy: 'x.example .amazonaws.com' },
      'NO_PROXY has .amazonaws.com',
    ],
  ])('%j', (env, reason) => {
    expect(chooseProxy(new URL(AWS), env).reason).toBe(reason);
  });

  it('is that it is this machine', () => {
    const url = new URL('https://127.0.0.1:4566');
    expect(chooseProxy(url, { HTTPS_PROXY: 'http://p' }).reason).toBe('it is this machine');
  });
});
