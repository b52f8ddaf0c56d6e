import { describe, expect, it } from 'vitest';
import { credentialProcessLine } from '../../../src/aws/process-line.ts';
import { processWords } from '../../../src/roles-anywhere/process-words.ts';
import { parsePkcs11Uri, pkcs11Uri } from '../../../src/roles-anywhere/pkcs11/pkcs11-uri.ts';

describe('a PKCS#11 URI', () => {
  it('names a token and an object, in bytes', () => {
    const name = parsePkcs11Uri(
      'pkcs11:token=My%20Token;serial=0a;slot-id=7;object=k%C3%A9y;id=%00%fF1;type=cert;x-mine=1' +
        '?pin-source=file:///etc/pin&module-path=/usr/lib/p.so&pin-value=12%3634',
    );
    expect(name).toMatchObject({
      token: 'My Token',
      serial: '0a',
      slotId: 7,
      object: 'kéy',
      id: Buffer.of(0, 0xff, 0x31),
      pinSource: '/etc/pin',
      modulePath: '/usr/lib/p.so',
      pinValue: '12634',
    });
    expect(name.text).not.toContain('pin');
    expect(parsePkcs11Uri('PKCS11:token=a b')).toMatchObject({ token: 'a b' });
  });

  it.each([
    ['pkcs11:id=%0', /id is not percent-encoded right/],
    ['pkcs11:id', /id has no value/],
    ['pkcs11:objekt=x', /nothing is known of 'objekt'/],
    ['pkcs11:token=a;token=b', /token is there twice/],
    ['pkcs11:type=secret-key', /type=secret-key is not looked for/],
    ['pkcs11:slot-id=one', /slot-id is no number/],
    ['pkcs11:id=%01?pin-value=horse&pin-value=horse', /pin-value is there twice/],
  ])('is refused, without its PIN: %s', (uri, message) => {
    const parse = (): unknown => parsePkcs11Uri(uri);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/horse/);
  });

  it('is written for what was found', () => {
    const parts = { token: "it's; mine", id: Buffer.of(1, 0xab), object: 'kéy' };
    expect(parsePkcs11Uri(pkcs11Uri(parts))).toMatchObject(parts);
  });

  it('becomes words of a credential_process, with whole paths and no PIN', () => {
    const given = {
      certificate: '/c.pem',
      'private-key': 'pkcs11:id=%01?pin-source=~/pin&module-path=/p.so',
    };
    expect(processWords(given, { HOME: '/home/me' })).toEqual([
      ...['anywhere', 'credential-process', '--certificate', '/c.pem'],
      ...['--private-key', 'pkcs11:id=%01', '--pkcs11-lib', '/p.so'],
      ...['--pkcs11-pin-file', '/home/me/pin'],
    ]);
    const program = { node: '/node', script: '/devaccess.js' };
    const [uri] = processWords(given, {}).filter((word) => word.startsWith('pkcs11:'));
    expect(credentialProcessLine(program, [uri!])).toBe('"/node" "/devaccess.js" "pkcs11:id=%01"');
    const withPin = { ...given, certificate: 'pkcs11:id=%01?pin-value=horse' };
    for (const secret of [withPin, { certificate: '/c.pem', 'pkcs8-password': 'horse' }]) {
      expect(() => processWords(secret, {})).toThrow(
        /^A passphrase or a PIN is not written(?!.*horse)/,
      );
    }
  });
});
