import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Person } from './support/person.ts';
import { PersonAtTerminal } from './support/person-at-terminal.ts';

const MIB = 1024 * 1024;

let person: Person;
let terminal: PersonAtTerminal | undefined;
let there: string;
let data: Buffer;

beforeAll(async () => {
  person = await Person.arrive({ agent: { pace: 'real' } });
  await person.startDay();
  there = join(person.home, 'there');
  mkdirSync(there);
  data = randomBytes(5 * MIB);
  writeFileSync(join(there, 'file'), data);
});
afterAll(() => person.leave());
afterEach(async () => {
  terminal?.leave();
  await person.noSessionIsOpen();
});

function at(cols: number, ...args: string[]): PersonAtTerminal {
  terminal = new PersonAtTerminal(person, { cols, rows: 24 }, { TERM: 'xterm' });
  terminal.type(`${person.command('devaccess', ['cp', ...args])}; echo "exit $?"\r`);
  return terminal;
}

describe('cp at a terminal', () => {
  it('shows how far it is in one line, and takes it away at the end', async () => {
    const config = join(person.home, '.ssh', 'config');
    const seat = at(100, '-F', config, '--sessions', '2', `bastion:${there}/file`, 'copy');
    await seat.sees(
      / \d\d% \[#*\.*\] {2}\d:\d\d left {2}[\d.]+ [KM]iB\/s {2}[\d.]+ MiB of 5.00 MiB/,
    );
    const shown = await seat.sees(/1 file, 5.00 MiB in .* verified by sha256\r\nexit 0\r\n/);
    // The last thing before the result is the line's removal.
    expect(shown).toMatch(/\u001b\[1A\r\u001b\[J1 file, /);
    expect(readFileSync(join(person.home, 'copy')).equals(data)).toBe(true);
  });

  it('stops on Ctrl-C, with the terminal as it was, and goes on', async () => {
    const config = join(person.home, '.ssh', 'config');
    const seat = at(40, '-F', config, '--sessions', '1', `bastion:${there}/file`, 'stopped');
    await seat.sees(/ [3-9]\d% /);
    seat.type('\u0003');
    await seat.sees('Interrupted. The same command goes on where it stopped.\r\n');
    await seat.sees(/local> /);
    expect(readdirSync(person.home)).not.toContain('stopped');
    seat.type('\u001b[A');
    terminal!.leave();
    const again = at(100, '-F', config, `bastion:${there}/file`, 'stopped');
    await again.sees(/MiB were there already; verified by sha256\r\nexit 0/);
    expect(readFileSync(join(person.home, 'stopped')).equals(data)).toBe(true);
  });

  it('lets ssh ask once, on the first connection alone', async () => {
    const key = join(person.home, 'locked');
    copyFileSync(person.aws.identityFile, key);
    copyFileSync(`${person.aws.identityFile}.pub`, `${key}.pub`);
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', key]);
    const config = join(person.home, '.ssh', 'locked');
    const plain = readFileSync(join(person.home, '.ssh', 'config'), 'utf8');
    writeFileSync(config, plain.replace(person.aws.identityFile, key));
    const seat = at(100, '-F', config, `bastion:${there}/file`, 'asked');
    await seat.sees(/Enter passphrase for key '.*locked': /);
    seat.type('open sesame\r');
    await seat.sees(/1 of 4 sessions could be opened .*let ssh-agent hold the key/);
    const rest = await seat.sees(/5.00 MiB in .*; 1 session; verified by read-back\r\nexit 0/);
    expect(rest).not.toContain('passphrase');
  });
});
