import { describe, expect, it } from 'vitest';
import { streamAddress } from '../../../../src/session/transport/stream-url.ts';

/** A place without a gateway of its own. */
const address = (text: string, region: string, configuredHosts: string[] = []): URL =>
  streamAddress(text, { region, configuredHosts });

const PATH = '/v1/data-channel/alice-0123?role=publish_subscribe';

describe('where a session’s token may be sent', () => {
  it.each([
    ['us-east-1', 'wss://ssmmessages.us-east-1.amazonaws.com'],
    ['us-east-1', 'wss://ssmmessages.us-east-1.api.aws'],
    ['us-east-1', 'wss://ssmmessages-fips.us-east-1.amazonaws.com'],
    ['us-east-1', 'wss://vpce-0a1b-2c3d.ssmmessages.us-east-1.vpce.amazonaws.com'],
    ['cn-north-1', 'wss://ssmmessages.cn-north-1.amazonaws.com.cn'],
    ['us-gov-west-1', 'wss://ssmmessages-fips.us-gov-west-1.amazonaws.com'],
    ['us-iso-east-1', 'wss://ssmmessages.us-iso-east-1.c2s.ic.gov'],
    ['us-isob-east-1', 'wss://ssmmessages.us-isob-east-1.sc2s.sgov.gov'],
    ['eusc-de-east-1', 'wss://ssmmessages.eusc-de-east-1.amazonaws.eu'],
    ['us-east-1', 'ws://127.0.0.1:4000'],
    ['us-east-1', 'ws://[::1]:4000'],
    ['us-east-1', 'wss://gateway.example.org'],
  ])('%s: %s', (region, origin) => {
    expect(address(origin + PATH, region, ['gateway.example.org']).href).toBe(origin + PATH);
  });

  it.each([
    ['another region', 'wss://ssmmessages.eu-west-1.amazonaws.com'],
    ['another partition', 'wss://ssmmessages.us-east-1.amazonaws.com.cn'],
    ['a suffix that only looks right', 'wss://ssmmessages.us-east-1.amazonaws.com.evil.org'],
    ['a prefix that only looks right', 'wss://evil-ssmmessages.us-east-1.amazonaws.com'],
    ['a label before the host', 'wss://evil.ssmmessages.us-east-1.amazonaws.com'],
    ['labels before a VPC endpoint', 'wss://a.b.ssmmessages.us-east-1.vpce.amazonaws.com'],
    ['a trailing dot', 'wss://ssmmessages.us-east-1.amazonaws.com.'],
    ['another service', 'wss://ec2messages.us-east-1.amazonaws.com'],
    ['a bucket', 'wss://ssmmessages.us-east-1.s3.amazonaws.com'],
    ['a user name', 'wss://ssmmessages.us-east-1.amazonaws.com@evil.org'],
    ['a user name at the right host', 'wss://evil@ssmmessages.us-east-1.amazonaws.com'],
    ['a backslash', 'wss://evil.org\\@ssmmessages.us-east-1.amazonaws.com'],
    ['plain ws', 'ws://ssmmessages.us-east-1.amazonaws.com'],
    ['plain ws to a configured host', 'ws://gateway.example.org'],
    ['plain ws to a name like an address', 'ws://127.0.0.1.evil.org'],
    ['plain ws to all addresses', 'ws://0.0.0.0'],
    ['https', 'https://ssmmessages.us-east-1.amazonaws.com'],
    ['a file', 'file:///etc/passwd'],
    ['no URL', 'ssmmessages.us-east-1.amazonaws.com'],
    ['nothing', ''],
  ])('not to %s', (_what, origin) => {
    expect(() => address(origin + PATH, 'us-east-1', ['gateway.example.org'])).toThrow(
      expect.objectContaining({ code: 'DA_STREAM_URL' }) as Error,
    );
  });

  it('trusts no host for a region that is none', () => {
    expect(() => address(`wss://ssmmessages.x.amazonaws.com${PATH}`, 'x')).toThrow();
    expect(() => address('wss://ssmmessages.evil.org/.amazonaws.com', 'evil.org/')).toThrow();
  });

  it('shows no control character of a hostile address', () => {
    expect(() => address('wss://evil.org\u001b[2J/', 'us-east-1')).toThrow(/^[^\u0000-\u001f]*$/);
  });

  it.each([
    ['https://vpce-1.ssmmessages.us-east-1.vpce.amazonaws.com', /^wss:..vpce-1\.ssmm[^/]*\/v1/],
    ['wss://gateway.example.org:8443', /^wss:..gateway\.example\.org:8443\/v1/],
    ['http://127.0.0.1:4000', /^ws:..127\.0\.0\.1:4000\/v1/],
  ])('goes to the configured gateway %s in the place of the public one', (origin, moved) => {
    const gateway = new URL(origin);
    const place = { region: 'us-east-1', configuredHosts: [gateway.hostname], gateway };
    const found = streamAddress(`wss://ssmmessages.us-east-1.amazonaws.com${PATH}`, place);
    expect(found.href).toMatch(moved);
    expect(found.href.endsWith(PATH)).toBe(true);
    expect(() => streamAddress(`wss://evil.org${PATH}`, place)).toThrow(/is not the message gate/);
  });

  it('does not go in plain to a configured gateway on another machine', () => {
    const gateway = new URL('http://gateway.example.org');
    const place = { region: 'us-east-1', configuredHosts: [gateway.hostname], gateway };
    expect(() => streamAddress(`wss://gateway.example.org${PATH}`, place)).toThrow(/plain ws:/);
  });
});
