import { describe, expect, it } from 'vitest';
import { readOptions, refuseContradictions } from '../../../src/roles-anywhere/options.ts';

describe('the options of aws_signing_helper', () => {
  it('are read as it reads them', () => {
    expect(
      readOptions(['--certificate', 'a', '--with-proxy=true', '--debug=false', '--certificate=b']),
    ).toEqual({ certificate: 'b', 'with-proxy': true });
    expect(readOptions(['--role-arn=a=b', '--private-key', '-'])).toEqual({
      'role-arn': 'a=b',
      'private-key': '-',
    });
  });

  it.each([[['--no-such']], [['--certificate']], [['--with-proxy=maybe']], [['more']], [['-h']]])(
    'are left to the whole command line where they are not understood: %j',
    (argv) => expect(readOptions(argv)).toBeUndefined(),
  );

  it.each([
    ['certificate', 'cert-selector'],
    ['certificate', 'system-store-name'],
    ['private-key', 'cert-selector'],
    ['private-key', 'system-store-name'],
    ['private-key', 'use-latest-expiring-certificate'],
    ['use-latest-expiring-certificate', 'intermediates'],
    ['use-latest-expiring-certificate', 'reuse-pin'],
    ['cert-selector', 'intermediates'],
    ['cert-selector', 'reuse-pin'],
    ['system-store-name', 'reuse-pin'],
    ['tpm-key-password', 'cert-selector'],
    ['tpm-key-password', 'reuse-pin'],
    ['tpm-key-password', 'no-tpm-key-password'],
    ['no-tpm-key-password', 'cert-selector'],
    ['pkcs8-password', 'tpm-key-password'],
  ])('exclude each other: --%s and --%s', (left, right) => {
    const value = (name: string) => (/^use-|^reuse|^no-/.test(name) ? true : 'x');
    expect(() => refuseContradictions({ [left]: value(left), [right]: value(right) })).toThrow(
      /exclude each other/,
    );
    expect(() => refuseContradictions({ [left]: value(left), [right]: '' })).not.toThrow();
  });
});
