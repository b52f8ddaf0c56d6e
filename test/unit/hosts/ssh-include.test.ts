import { describe, expect, it } from 'vitest';
import { proxyCommands } from '../../../src/hosts/proxy-command.ts';
import { accountTextName, fleetTextName } from '../../../src/hosts/ssh-config-file.ts';
import { globCovers } from '../../../src/hosts/ssh-files.ts';
import { includeLength, withInclude, withoutInclude } from '../../../src/hosts/ssh-include.ts';

const place = {
  sshDirectory: '/home/me/.ssh',
  loginHome: '/home/me',
  hostsFiles: ['/home/me/.ssh/config.d/devaccess-default-eu-west-1.conf'],
};
const failure = (code: string): Error => expect.objectContaining({ code }) as Error;

describe('the Include', () => {
  it('goes above everything, once', () => {
    const text = 'Host x\n\tPort 9';
    const once = withInclude(text, place);
    expect(once).toMatch(/^# .*\nInclude config\.d\/devaccess-\*\.conf\n\nHost x\n\tPort 9$/);
    expect(withInclude(once, place)).toBe(once);
    expect(withInclude('Host x\r\n', place)).toMatch(
      /^[^\n]*\r\nInclude [^\n]*\r\n\r\nHost x\r\n$/,
    );
  });

  it.each([
    'Include config.d/devaccess-*.conf',
    'Include config.d/*',
    'include=~/.ssh/config.d/*.conf',
    '  Include "/home/me/.ssh/config.d/devaccess-default-eu-west-1.conf" # ours',
    'Include other config.d/devaccess-d?fault-[e-f]u-*',
    'User me\nInclude config.d/*',
  ])('is found as %j', (line) => {
    expect(withInclude(`${line}\n`, place)).toBe(`${line}\n`);
  });

  it.each([
    '# Include config.d/*',
    'Host x\n  Include config.d/*',
    'Match all\nInclude config.d/*',
    'Include config.d/devaccess-other-*',
    'Include /etc/ssh/config.d/*',
    'Include config.d',
    'Include .*',
  ])('is not taken from %j', (line) => {
    expect(withInclude(`${line}\n`, place)).not.toBe(`${line}\n`);
  });

  it('is enough only if it reaches every file of ours', () => {
    const text = 'Include config.d/devaccess-default-*\n';
    const two = {
      ...place,
      hostsFiles: [...place.hostsFiles, '/home/me/.ssh/config.d/devaccess-b@x.conf'],
    };
    expect(withInclude(text, place)).toBe(text);
    expect(withInclude(text, two)).not.toBe(text);
    const both = `${text}Include config.d/devaccess-b*\n`;
    expect(withInclude(both, two)).toBe(both);
  });

  it.each(['', 'Host x\n', 'User me\r\nHost x\r\n', '# mine\n\n\nHost x'])(
    'can be taken out of %j again, byte for byte',
    (text) => {
      const once = withInclude(text, place);
      expect(withoutInclude(once, place)).toBe(text);
      expect(includeLength(once, place)).toBe(once.length - text.length);
      expect(withoutInclude(`# above\n${once}`, place)).toBe(`# above\n${text}`);
      expect(includeLength(`# above\n${once}`, place)).toBe(0);
    },
  );

  it('is left where the person wrote it', () => {
    const text = 'Include config.d/devaccess-*.conf\nHost x\n';
    expect(withoutInclude(text, place)).toBe(text);
  });

  it('is absolute, and quoted, where ssh has another home', () => {
    const elsewhere = { ...place, sshDirectory: '/tmp/my home/.ssh' };
    expect(withInclude('', elsewhere)).toMatch(
      /\nInclude "\/tmp\/my home\/\.ssh\/config\.d\/devaccess-\*\.conf"\n$/,
    );
    const strange = { ...place, sshDirectory: '/tmp/a"b*/.ssh' };
    expect(() => withInclude('', strange)).toThrow(failure('DA_UNQUOTABLE_PATH'));
  });

  it('never covers our lock and temporary files', () => {
    const folder = '/home/me/.ssh/config.d';
    const name = 'devaccess-default-eu-west-1.conf';
    for (const pattern of [`${folder}/devaccess-*.conf`, `${folder}/*`]) {
      expect(globCovers(pattern, `${folder}/${name}`)).toBe(true);
      expect(globCovers(pattern, `${folder}/.${name}.lock`)).toBe(false);
      expect(globCovers(pattern, `${folder}/.${name}.devaccess-0123.tmp`)).toBe(false);
    }
  });
});

describe('the file of a profile and region', () => {
  it('has a name of its own without meaning to a path or pattern', () => {
    expect(accountTextName('default', 'eu-west-1')).toBe('devaccess-default-eu-west-1.conf');
    expect(accountTextName('a/b*é', 'eu-west-1')).toBe('devaccess-a=2Fb=2A=C3=A9-eu-west-1.conf');
  });

  it('is another than that of any fleet', () => {
    expect(fleetTextName('prod', 'eu-west-1')).toBe('devaccess-prod@eu-west-1.conf');
    expect(accountTextName('prod@eu-west-1', 'x')).not.toContain('@');
  });
});

describe('ProxyCommand', () => {
  const program = { node: '/opt/my node/bin/node', script: '/srv/100%/devaccess-proxy.js' };

  it('quotes paths and escapes what ssh would expand', () => {
    expect(proxyCommands(program, { profile: 'a%b', region: 'eu-west-1' }).direct()).toBe(
      '"/opt/my node/bin/node" "/srv/100%%/devaccess-proxy.js" --target %h --port %p ' +
        '--profile a%%b --region eu-west-1',
    );
    expect(
      proxyCommands(program, { profile: undefined, region: 'eu-west-1' }).direct(),
    ).not.toContain('profile');
  });

  it('tells the proxy how fast to send, where the person has said', () => {
    const flow = { pace: '900/1800', window: '512' };
    const { direct, through } = proxyCommands(program, { profile: 'p', region: 'eu-west-1', flow });
    for (const command of [direct(), through('i-0123456789abcdef0', '10.0.0.1')]) {
      expect(command).toMatch(/ --region eu-west-1 --pace 900\/1800 --window 512$/);
    }
  });

  it('goes through a node to an address, and to nothing else', () => {
    const { through } = proxyCommands(program, { profile: 'p', region: 'eu-west-1' });
    const node = 'i-0123456789abcdef0';
    expect(through(node, 'fd00::1')).toMatch(
      /--target i-0\w+ --host fd00::1 --port %p --profile p /,
    );
    expect(through(node, 'db.internal')).toContain('--host db.internal --port');
    for (const address of ['', 'a b', '10.0.0.1;id', 'fe80::1%h', '-x', '$(id)']) {
      expect(() => through(node, address)).toThrow();
    }
    expect(() => through('%h', '10.0.0.1')).toThrow();
  });

  it.each(['/a"b', '/a$b', '/a`b', '/a\\b', '/a\nb', '/a!b'])('refuses the path %j', (node) => {
    const account = { profile: 'p', region: 'eu-west-1' };
    expect(() => proxyCommands({ ...program, node }, account)).toThrow(
      failure('DA_UNQUOTABLE_PATH'),
    );
  });

  it.each(['a b', '-x', 'a;b', "a'b", 'a$b', ''])('refuses the profile %j', (profile) => {
    expect(() => proxyCommands(program, { profile, region: 'eu-west-1' })).toThrow(
      failure('DA_USAGE'),
    );
  });
});
