import { describe, expect, it } from 'vitest';
import { tunnelsView } from '../../../src/commands/tunnels/tunnels-view.ts';
import type { TunnelsViewModel } from '../../../src/commands/tunnels/tunnels-view.ts';
import type { TunnelState, TunnelStatus } from '../../../src/session/tunnels/tunnel-status.ts';

const MIB = 1024 * 1024;

function tunnel(name: string, state: TunnelState, problem: string | null = null): TunnelStatus {
  return {
    name,
    state,
    host: 'bastion',
    target: 'i-0123456789abcdef0',
    profile: null,
    region: null,
    listeners: [
      {
        listen: '127.0.0.1:15432',
        remote: 'db.internal:5432',
        connections: 3,
        bytes: { up: MIB, down: 1200 * MIB },
        rate: { up: 1024, down: 12 * MIB },
      },
    ],
    sessionIds: [],
    since: null,
    problem,
  };
}

const quiet = {
  listen: '127.0.0.1:16379',
  remote: 'cache.internal:6379',
  connections: 0,
  bytes: { up: 0, down: 0 },
  rate: { up: 0, down: 0 },
};

const db = tunnel('db', 'up');
const model: TunnelsViewModel = {
  tunnels: [
    { ...db, listeners: [...db.listeners, quiet] },
    tunnel('web', 'reconnecting'),
    tunnel('old', 'idle'),
    tunnel('new', 'failing', 'The session has expired. [DA_CREDENTIALS_EXPIRED]'),
  ],
  histories: (name) => (name === 'db' ? [[0, MIB, 6 * MIB, 12 * MIB], []] : [[]]),
  warnings: ['the session of default ends in 14 min; run devaccess mfa'],
};

const plain = { isUnicode: true, hasColor: false };

describe('the live view', () => {
  it('fits a terminal of 80 columns', () => {
    expect(tunnelsView(model, { ...plain, columns: 80 })).toEqual([
      '  TUNNEL  LOCAL            REACHES            CONN     TOTAL        RATE',
      '● db      127.0.0.1:15432  db.internal:5432      3  1.17 GiB  12.0 MiB/s  ▁▁▁▂▅█',
      '          127.0.0.1:16379  cache.internal:6…     0       0 B           -  ▁▁▁▁▁▁',
      '◌ web     127.0.0.1:15432  db.internal:5432      3  1.17 GiB  12.0 MiB/s  ▁▁▁▁▁▁',
      '○ old     127.0.0.1:15432  db.internal:5432      3  1.17 GiB  12.0 MiB/s  ▁▁▁▁▁▁',
      '✗ new     127.0.0.1:15432  db.internal:5432      3  1.17 GiB  12.0 MiB/s  ▁▁▁▁▁▁',
      '  web: connection lost; resuming',
      '  old: idle: the next connection starts a session',
      '  new: The session has expired. [DA_CREDENTIALS_EXPIRED]',
      '  the session of default ends in 14 min; run devaccess mfa',
    ]);
  });

  it('keeps name and rate in the narrowest', () => {
    expect(tunnelsView(model, { ...plain, columns: 24 }).slice(0, 3)).toEqual([
      '  TUNNEL        RATE',
      '● db      12.0 MiB/s',
      '                   -',
    ]);
  });

  it('is never wider than the terminal', () => {
    for (let columns = 1; columns <= 200; columns += 1) {
      for (const line of tunnelsView(model, { ...plain, columns })) {
        expect(line.length).toBeLessThanOrEqual(columns);
      }
    }
  });

  it('has colours where they are wanted, of the same width', () => {
    const styled = tunnelsView(model, { isUnicode: true, hasColor: true, columns: 80 });
    expect(styled[1]).toMatch(/^\u001b\[32m●\u001b\[39m db /);
    expect(styled[5]).toMatch(/^\u001b\[31m✗\u001b\[39m new /);
    const bare = styled.map((line) => line.replaceAll(/\u001b\[\d+m/g, ''));
    expect(bare).toEqual(tunnelsView(model, { ...plain, columns: 80 }));
  });

  it('has plain characters where others cannot be shown', () => {
    for (const line of tunnelsView(model, { isUnicode: false, hasColor: false, columns: 70 })) {
      expect(line).toMatch(/^[ -~]*$/);
    }
  });

  it('shows text of others without what could steer the terminal', () => {
    const hostile = { ...model, tunnels: [tunnel('x', 'failing', 'a\u001b]0;title\u0007b\nc')] };
    expect(tunnelsView(hostile, { ...plain, columns: 80 }).join('')).not.toMatch(/[\u0000-\u001f]/);
  });
});
