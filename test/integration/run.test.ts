import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LocalAwsOptions } from '../../src/sandbox/local-aws.ts';
import { SEED } from '../../src/sandbox/seed.ts';
import { Front } from './support/front.ts';
import { collect, eventually, isRunning, Person } from './support/person.ts';
import type { Finished } from './support/person.ts';

let person: Person;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'devaccess-run-'));
  person = await Person.arrive();
  await person.startDay();
});
afterAll(async () => {
  await person.leave();
  rmSync(folder, { recursive: true });
});
afterEach(() => person.noSessionIsOpen());

function run(args: string[], who = person, env: Record<string, string> = {}): Promise<Finished> {
  return who.run('devaccess', ['run', ...args], { env });
}

/** Another person, with a sandbox that is different. */
async function withPerson(
  options: Partial<LocalAwsOptions>,
  work: (who: Person) => Promise<void>,
): Promise<void> {
  const who = await Person.arrive(options);
  try {
    await who.startDay();
    await work(who);
    await who.noSessionIsOpen();
  } finally {
    await who.leave();
  }
}

describe('devaccess run on one server', () => {
  it('keeps stdout and stderr apart and exits as the command does', async () => {
    const { code, stdout, stderr } = await run(['bastion', '--', 'echo out; echo err >&2; exit 3']);
    expect([code, stdout.toString(), stderr]).toEqual([3, 'out\n', 'err\n']);
    expect((await run(['bastion', '--', 'true'])).code).toBe(0);
    expect((await run(['bastion', '--', 'kill -TERM $$'])).code).toBe(143);
    const missing = await run(['bastion', '--', 'no-such-program']);
    expect([missing.code, missing.stderr]).toEqual([127, expect.stringContaining('not found')]);
  });

  it('hands several words on exactly, and one word to a shell', async () => {
    const words = [
      'a b',
      "it's",
      '$HOME',
      '`id`',
      '{{ssm:x}}',
      '{{{',
      '',
      'é日🙂',
      '"',
      '\\',
      'a\nb',
      '#',
      '*',
      '-n',
      '~',
    ];
    const exact = await run(['bastion', '--', 'printf', '%s|', ...words]);
    expect(exact.stdout.toString()).toBe(words.map((word) => `${word}|`).join(''));
    const line = await run([
      'bastion',
      '--',
      'for i in 1 2 3; do echo "$i"; done | tail -1 # {{ssm:x}}',
    ]);
    expect(line.stdout.toString()).toBe('3\n');
  });

  it('brings much output whole, over cuts of the connection too', async () => {
    const front = await Front.open(person.aws.sandbox.endpoint);
    const go = (part: number): string => join(folder, `go-${part}`);
    const parts = [1, 2, 3, 4].map(
      (part) => `seq ${part}00000 ${part}19999; until [ -e ${go(part)} ]; do sleep 0.05; done`,
    );
    const child = person.start('devaccess', ['run', 'bastion', '--', parts.join('; ')], front.env);
    const finished = collect(child);
    let seen = 0;
    child.stdout.on('data', (chunk: Buffer) => (seen += chunk.length));
    for (const part of [1, 2, 3, 4]) {
      await eventually('a part of it', () => seen === part * 140_000);
      front.cut();
      writeFileSync(go(part), '');
    }
    const { code, stdout } = await finished;
    front.close();
    const expected = [1, 2, 3, 4].flatMap((part) =>
      Array.from({ length: 20_000 }, (_, index) => `${part * 100_000 + index}\n`),
    );
    expect(code).toBe(0);
    expect(stdout.equals(Buffer.from(expected.join('')))).toBe(true);
    expect(front.cuts).toBe(4);
  });

  it('ends the command when nobody reads its output any more', async () => {
    const { stdout } = await person.run('sh', [
      '-c',
      `${person.command('devaccess', ['run', 'bastion', '--', 'yes'])} | head -n 2`,
    ]);
    expect(stdout.toString()).toBe('y\ny\n');
    await person.noSessionIsOpen();
  });

  it('ends the command when its output cannot be written', async () => {
    const command = person.command('devaccess', ['run', 'bastion', '--', 'yes']);
    const { code, stderr } = await person.run('sh', ['-c', `${command} > /dev/full`]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^devaccess: .*\[DA_DISK_FULL\].*\n$/),
    ]);
    await person.noSessionIsOpen();
  });

  it('ends what takes too long, with all that it started', async () => {
    const mark = join(folder, 'ended');
    const started = join(folder, 'slow');
    const line = `trap 'echo term > ${mark}; exit' TERM; sleep 1000 & echo $! > ${started}; wait`;
    const { code, stderr } = await run(['bastion', '--timeout', '1s', '--', line]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/not done within 1 s.*\[DA_COMMAND_TIMED_OUT\]/);
    await eventually('the command was told', () => existsSync(mark));
    const pid = Number(readFileSync(started, 'utf8'));
    await eventually('it was ended', () => !isRunning(pid));
  });

  it('ends the command and its session on Ctrl-C', async () => {
    const mark = join(folder, 'interrupted');
    const line = `trap 'echo term > ${mark}; exit' TERM; echo started; sleep 1001 & wait`;
    const child = person.start('devaccess', ['run', 'bastion', '--', line]);
    const finished = collect(child);
    // From its start on: what it says may be there before this process is looking.
    child.stdout.once('data', () => child.kill('SIGINT'));
    expect((await finished).code).toBe(130);
    await eventually('the command was told', () => existsSync(mark));
    await person.noSessionIsOpen();
  });

  it('refuses bad input with the next step, before anything starts', async () => {
    const cases: [string[], number, RegExp][] = [
      [['bastion', 'uptime'], 2, /give a command behind --/],
      [['--', 'uptime'], 2, /give a server or --tag/],
      [['nowhere', '--', 'uptime'], 2, /no host 'nowhere'/],
      [['app-1', '--', 'uptime'], 2, /\[DA_NO_AGENT\] Next: .*ssh app-1/],
      [['bastion', '--timeout', 'soon', '--', 'x'], 2, /'soon' is not a length of time/],
      [['bastion', '--concurrency', '0', '--', 'x'], 2, /concurrency/],
      [['--tag', 'Nope=1', '--', 'x'], 1, /\[DA_HOST_NOT_FOUND\]/],
      [['bastion', '--', 'x'.repeat(70_000)], 2, /too long/],
    ];
    for (const [args, code, message] of cases) {
      const result = await run(args);
      expect(result.stderr).toMatch(message);
      expect([args.slice(0, 3), result.code]).toEqual([args.slice(0, 3), code]);
    }
    const offline = await run(['i-0123456789abcdef0', '--', 'x']);
    expect([offline.code, offline.stderr]).toEqual([
      1,
      expect.stringContaining('DA_TARGET_NOT_CONNECTED'),
    ]);
  });
});

describe('devaccess run on many servers', () => {
  it('marks whose lines are whose, and sums up', async () => {
    const { code, stdout, stderr } = await run([
      ...['bastion', 'office-nas', '--'],
      'echo one; printf two; case $HOME in *mi-*) echo bad >&2; exit 7;; esac',
    ]);
    expect(code).toBe(4);
    expect(stdout.toString().split('\n').sort()).toEqual([
      '',
      'bastion    | one',
      'bastion    | two',
      'office-nas | one',
      'office-nas | two',
    ]);
    expect(stderr).toBe('office-nas | bad\n1 of 2 succeeded, 1 not: office-nas (exit 7)\n');
    const all = await run(['bastion', 'office-nas', '--', 'exit 7']);
    expect(all.code).toBe(1);
  });

  it('tells programs the same as one object', async () => {
    const { code, stdout, stderr } = await run([
      ...['bastion', 'office-nas', '--json', '--'],
      'echo out; echo err >&2; case $HOME in *mi-*) exit 7;; esac',
    ]);
    expect([code, stderr]).toEqual([4, '']);
    const common = {
      via: 'session',
      stdout: 'out\n',
      stderr: 'err\n',
      truncated: false,
      error: null,
    };
    expect(JSON.parse(stdout.toString())).toMatchObject({
      hosts: [
        {
          ...common,
          host: 'bastion',
          instanceId: person.bastionId,
          status: 'succeeded',
          exitCode: 0,
        },
        { ...common, host: 'office-nas', status: 'failed', exitCode: 7 },
      ],
      succeeded: 1,
      failed: 1,
      exitCode: 4,
    });
  });

  it('keeps no more than it shows', async () => {
    const { stdout } = await run(['bastion', '--json', '--', 'yes | head -c 3000000']);
    const { hosts } = JSON.parse(stdout.toString()) as {
      hosts: { stdout: string; truncated: boolean }[];
    };
    expect(hosts[0]!.stdout).toHaveLength(1024 * 1024);
    expect(hosts[0]!.truncated).toBe(true);
  });

  it('finds them by tag, and says who was left out', async () => {
    const { code, stdout, stderr } = await run([
      '--tag',
      'Environment=sandbox',
      '--json',
      '--',
      'true',
    ]);
    expect([code, stderr]).toEqual([4, '']);
    const { hosts } = JSON.parse(stdout.toString()) as {
      hosts: { host: string; status: string; error: { code: string } | null }[];
    };
    const told = hosts.map(({ host, status, error }) => `${host} ${error?.code ?? status}`).sort();
    expect(told).toContain('bastion succeeded');
    expect(told).toContain('office-nas succeeded');
    expect(told).toContain('app-1 DA_NO_AGENT');
    expect(told.join()).not.toContain('old-build');
    const one = await run(['--tag', 'Site=office', '--', 'echo hello']);
    expect([one.code, one.stdout.toString()]).toEqual([0, 'hello\n']);
  });

  it('runs on no more at a time than asked for', async () => {
    const lock = join(folder, 'lock');
    const line = `mkdir ${lock} || exit 9; sleep 0.3; rmdir ${lock}`;
    const { code } = await run(['bastion', 'office-nas', '--concurrency', '1', '--', line]);
    expect(code).toBe(0);
  });

  it('ends all of them on Ctrl-C and starts no more', async () => {
    const child = person.start('devaccess', [
      ...['run', 'bastion', 'office-nas', '--concurrency', '1', '--json', '--', 'sleep 1002'],
    ]);
    const finished = collect(child);
    await eventually('one runs', () => person.openSessions() === 1);
    child.kill('SIGTERM');
    const { code, stdout } = await finished;
    expect(code).toBe(143);
    expect(JSON.parse(stdout.toString())).toMatchObject({
      hosts: [{ status: 'cancelled' }, { status: 'cancelled' }],
    });
  });
});

describe('devaccess run where the session document may not be used', () => {
  it('falls back to Run Command, and says so', async () => {
    await withPerson({ deniedDocuments: ['AWS-StartNonInteractiveCommand'] }, async (who) => {
      const one = await run(['bastion', '--', 'echo out; echo err >&2; exit 3'], who);
      expect([one.code, one.stdout.toString()]).toEqual([3, 'out\n']);
      expect(one.stderr).toMatch(/going on with Run Command, which runs as root.*\nerr\n$/);
      const many = await run(['bastion', 'office-nas', '--', 'echo hi'], who);
      expect(many.code).toBe(0);
      expect(many.stderr).toMatch(/2 of 2 succeeded \(2 by Run Command, as root\)\n$/);
      const words = ['printf', '%s|', "it's", '$HOME', '{{ssm:x}}'];
      const exact = await run(['bastion', '--', ...words], who);
      expect(exact.stdout.toString()).toBe("it's|$HOME|{{ssm:x}}|");
      const cut = await run(['bastion', '--', 'seq 1 20000'], who);
      expect(cut.stdout.toString()).toHaveLength(24_000);
      expect(cut.stderr).toContain('there was more output than Run Command shows');
      const only = await run(['bastion', '--via', 'session', '--', 'true'], who);
      expect([only.code, only.stderr]).toEqual([1, expect.stringContaining('DA_DOCUMENT_DENIED')]);
    });
  });

  it('cancels the command when it takes too long', async () => {
    const mark = join(folder, 'started');
    const line = `echo $$ > ${mark}; sleep 1003`;
    const { code, stderr } = await run([
      'bastion',
      '--via',
      'run-command',
      '--timeout',
      '1',
      '--',
      line,
    ]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('DA_COMMAND_TIMED_OUT')]);
    const pid = Number(readFileSync(mark, 'utf8'));
    await eventually('it was killed', () => !existsSync(`/proc/${pid}`));
  });

  it('does not wait for a service that does not answer', async () => {
    const front = await Front.open(person.aws.sandbox.endpoint);
    front.api = (operation) => (operation === 'SSM.GetCommandInvocation' ? 'silence' : 'pass');
    const args = ['bastion', '--via', 'run-command', '--timeout', '1s', '--', 'sleep 1'];
    const { code, stderr } = await run(args, person, front.env);
    front.close();
    expect([code, stderr]).toEqual([1, expect.stringContaining('DA_COMMAND_TIMED_OUT')]);
  });

  it('learns the end of the command through trouble of the network', async () => {
    const front = await Front.open(person.aws.sandbox.endpoint);
    let asked = 0;
    front.api = (operation) => {
      if (operation !== 'SSM.GetCommandInvocation') return 'pass';
      asked += 1;
      return asked <= 6 ? 503 : 'pass';
    };
    const args = ['bastion', '--via', 'run-command', '--', 'echo hi; exit 5'];
    const { code, stdout } = await run(args, person, front.env);
    front.close();
    expect([code, stdout.toString()]).toEqual([5, 'hi\n']);
    expect(asked).toBeGreaterThan(6);
  });

  it('tells of the session document when Run Command may not be used either', async () => {
    const deniedDocuments = ['AWS-StartNonInteractiveCommand', 'AWS-RunShellScript'];
    await withPerson({ deniedDocuments }, async (who) => {
      const { code, stderr } = await run(['bastion', '--', 'true'], who);
      expect(code).toBe(1);
      expect(stderr).toMatch(/document AWS-StartNonInteractiveCommand.*\[DA_DOCUMENT_DENIED\]/);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    });
  });
});

describe('devaccess run with other agents', () => {
  it('works encrypted with KMS', async () => {
    const frames: Buffer[] = [];
    const alice: { person?: Person } = {};
    const options: Partial<LocalAwsOptions> = {
      agent: {
        kms: {
          keyId: SEED.kmsAlias,
          requireChallenge: true,
          decrypt: (ciphertext, context) =>
            alice.person!.aws.sandbox.kmsDecrypt(ciphertext, context),
        },
      },
      gateway: {
        onFrame: ({ frame, forward }) => {
          frames.push(Buffer.from(frame));
          forward(frame);
        },
      },
    };
    await withPerson(options, async (who) => {
      alice.person = who;
      const { code, stdout, stderr } = await run(
        ['bastion', '--', 'echo sec""ret; echo al""so >&2; exit 5'],
        who,
      );
      expect([code, stdout.toString()]).toEqual([5, 'secret\n']);
      expect(stderr).toContain('This session is encrypted using AWS KMS.');
      expect(stderr).toContain('also\n');
    });
    const wire = Buffer.concat(frames);
    for (const text of ['secret', 'also', 'EXIT_CODE']) expect(wire.includes(text)).toBe(false);
  });

  it.each([
    [
      '3.1.1000.0',
      /cannot tell the command's exit code.*\[DA_EXIT_CODE_UNKNOWN\].*--via run-command/,
    ],
    ['3.0.500.0', /NonInteractiveCommands not found.*\[DA_SESSION_ENDED\]/],
  ])('never takes an old one at its word: %s', async (agentVersion, message) => {
    await withPerson({ agent: { agentVersion } }, async (who) => {
      const { code, stderr } = await run(['bastion', '--', 'echo hi'], who);
      expect(code).toBe(1);
      expect(stderr).toMatch(message);
      const other = await run(['bastion', '--via', 'run-command', '--', 'echo hi'], who);
      expect([other.code, other.stdout.toString()]).toEqual([0, 'hi\n']);
    });
  });
});
