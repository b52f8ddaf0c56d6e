import { describe, expect, it } from 'vitest';
import { parseLocation, parseRoute } from '../../../src/copy/location.ts';

describe('an operand', () => {
  it.each([
    ['db-1:', { host: 'db-1', path: '' }],
    ['db-1:/var/log', { host: 'db-1', path: '/var/log' }],
    ['db-1:a b', { host: 'db-1', path: 'a b' }],
    ['db-1:ä:ö', { host: 'db-1', path: 'ä:ö' }],
    ['db-1:-x', { host: 'db-1', path: '-x' }],
    ['db-1:line\nbreak', { host: 'db-1', path: 'line\nbreak' }],
    ['alice@db-1:~/x', { host: 'db-1', user: 'alice', path: '~/x' }],
    ['DOM\\alice@db-1:x', { host: 'db-1', user: 'DOM\\alice', path: 'x' }],
    ['a@b@db-1:x', { host: 'db-1', user: 'a@b', path: 'x' }],
    ['[fe80::1]:x', { host: 'fe80::1', path: 'x' }],
    ['alice@[::1]:x', { host: '::1', user: 'alice', path: 'x' }],
    ['[alice@::1]:x', { host: '::1', user: 'alice', path: 'x' }],
    ['i-0123456789abcdef0:x', { host: 'i-0123456789abcdef0', path: 'x' }],
    ['c:/etc/hosts', { host: 'c', path: '/etc/hosts' }],
  ])('%j is on a server', (operand, expected) => {
    expect(parseLocation(operand, 'linux')).toEqual({ kind: 'remote', ...expected });
  });

  it.each(['a', '/a:b', './a:b', '../a:b', 'dir/a:b', ':a', '-r', 'C:\\Users\\a', '~/x:y', 'ä'])(
    '%j is here',
    (operand) => {
      expect(parseLocation(operand, 'linux')).toEqual({ kind: 'local', path: operand });
    },
  );

  it.each(['C:\\a', 'c:/a', 'c:a'])('%j is here, on Windows', (operand) => {
    expect(parseLocation(operand, 'win32')).toEqual({ kind: 'local', path: operand });
  });

  it.each([
    '-oProxyCommand=touch x:y',
    '-h:x',
    'alice@-oProxyCommand=x:y',
    '-l@host:x',
    '$(reboot):x',
    '`id`:x',
    'a b:x',
    'a;b:x',
    'a\u001b[2J:x',
    'x%h:y',
    '@host:x',
    "a'b@host:x",
    '',
  ])('%j is refused: it could become an option or a command', (operand) => {
    expect(() => parseLocation(operand, 'linux')).toThrow(
      expect.objectContaining({ code: 'DA_USAGE', exitCode: 2 }) as Error,
    );
  });
});

describe('a route', () => {
  it('goes up or down', () => {
    expect(parseRoute(['a', 'b'], 'me@h:dir')).toEqual({
      direction: 'up',
      host: 'h',
      user: 'me',
      sources: ['a', 'b'],
      destination: 'dir',
    });
    expect(parseRoute(['h:a', 'h:b'], '.')).toMatchObject({ direction: 'down', host: 'h' });
  });

  it.each([
    [['a'], 'b', 'Neither side is a server'],
    [['h:a'], 'h:b', 'One side of a copy is this machine'],
    [['h:a'], 'g:b', 'One side of a copy is this machine'],
    [['h:a', 'b'], 'c', 'One side of a copy is this machine'],
    [['a', 'h:b'], 'h:c', 'One side of a copy is this machine'],
    [['h:a', 'g:b'], 'c', 'several servers'],
    [['h:a', 'me@h:b'], 'c', 'several servers'],
  ])('%j to %j is none', (sources, destination, message) => {
    expect(() => parseRoute(sources, destination)).toThrow(message);
  });
});
