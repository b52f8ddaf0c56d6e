import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SEED } from '../../src/sandbox/seed.ts';
import { Front } from './support/front.ts';
import { collect, eventually, Person } from './support/person.ts';
import { PersonAtTerminal } from './support/person-at-terminal.ts';

let person: Person;
let terminals: PersonAtTerminal[] = [];

beforeAll(async () => {
  person = await Person.arrive({
    ownDocuments: [
      {
        name: 'Team-Greeting',
        parameters: { name: { pattern: /^[a-z]+$/, default: ['nobody'] } },
        content: {
          sessionType: 'InteractiveCommands',
          linux: {
            commands: 'echo hello {{ name }}; read answer; echo "$answer" indeed',
            separateOutputStream: 'false',
          },
        },
      },
      {
        name: 'Team-Silence',
        parameters: {},
        content: {
          sessionType: 'InteractiveCommands',
          linux: { commands: 'read answer; echo "$answer" indeed', separateOutputStream: 'false' },
        },
      },
    ],
    deniedDocuments: ['AWS-StartInteractiveCommand'],
  });
  await person.startDay();
});
afterAll(() => person.leave());
afterEach(async () => {
  for (const terminal of terminals) terminal.leave();
  terminals = [];
  await person.noSessionIsOpen();
});

function sitDown(
  size?: { cols: number; rows: number },
  env?: Record<string, string>,
  who = person,
): PersonAtTerminal {
  const terminal = new PersonAtTerminal(who, size, env);
  terminals.push(terminal);
  return terminal;
}

/** Starts a shell on the bastion and waits for its prompt. */
async function openShell(terminal: PersonAtTerminal, args = ''): Promise<void> {
  await terminal.sees('local> ');
  terminal.type(`${person.command('devaccess', ['shell', 'bastion'])} ${args}\r`);
  await terminal.sees(/\r\n(#|\$) $/);
}

describe('devaccess shell', () => {
  it('is a terminal of the right size, and follows when it changes', async () => {
    const terminal = sitDown({ cols: 97, rows: 31 });
    await openShell(terminal);
    terminal.type('stty size; tty\r');
    expect(await terminal.sees(/dev\/pts\/\d+/)).toContain('31 97\r\n');
    terminal.resize(120, 40);
    terminal.type('until stty size | grep 120; do :; done\r');
    await terminal.sees('40 120\r\n');
    terminal.type('exit\r');
    await terminal.sees('The session with bastion has ended.');
    await terminal.sees('local> ');
  });

  it('passes control keys to the far end, not to itself', async () => {
    const terminal = sitDown();
    await openShell(terminal);
    for (const [key, signal] of [
      ['\x03', 'INT'],
      ['\x1c', 'QUIT'],
    ]) {
      terminal.type(
        `sh -c 'trap "echo got-${signal}; exit" ${signal}; echo re""ady; while :; do sleep 0.1; done'\r`,
      );
      await terminal.sees('ready\r\n');
      terminal.type(key!);
      await terminal.sees(`got-${signal}\r\n`);
    }
    terminal.type(`sh -c 'echo re""ady; exec sleep 100'\r`);
    await terminal.sees('ready\r\n');
    terminal.type('\x1a');
    await terminal.sees(/Stopped|Suspended/);
    terminal.type('kill -KILL %1\r~.');
    await terminal.sees('local> ');
  });

  it('carries text of any alphabet, cut anywhere, and full screens as they are drawn', async () => {
    const terminal = sitDown();
    await openShell(terminal);
    terminal.type('read line; printf "%s" "$line" | od -An -tx1\r');
    await terminal.sees('od -An -tx1\r\n');
    for (const byte of Buffer.from('é日🙂')) terminal.type(Buffer.of(byte));
    terminal.type('\r');
    await terminal.sees('c3 a9 e6 97 a5 f0 9f 99 82');
    // A line feed alone is down, not a new line: full-screen programs count on it.
    terminal.type("stty -onlcr; printf 'a\\nb\\n'; stty onlcr; echo do''ne\r");
    expect(await terminal.sees('done')).toContain('a\nb\n');
    terminal.type('exit\r');
    await terminal.sees('local> ');
  });

  it('leaves at ~. after Enter, and passes other tildes on', async () => {
    const terminal = sitDown();
    await openShell(terminal);
    terminal.type('echo a~.b ~? | tr a-z A-Z\r');
    await terminal.sees('A~.B ~?\r\n');
    terminal.type('~~echo\r');
    await terminal.sees('~echo');
    terminal.type('\r~?');
    await terminal.sees('end the session');
    terminal.type('cat\r~.');
    await terminal.sees('The session with bastion has ended.\r\nlocal> ');
    terminal.type('echo code $?\r');
    await terminal.sees('code 0\r\n');
    await person.noSessionIsOpen();
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
  ] as const)('gives the terminal back on %s, and ends the session', async (signal, code) => {
    const terminal = sitDown();
    await terminal.sees('local> ');
    const before = await terminal.modes();
    terminal.type(`${person.command('devaccess', ['shell', 'bastion'])}\r`);
    await terminal.sees(/\r\n(#|\$) $/);
    for (const id of terminal.processes('devaccess')) process.kill(id, signal);
    await terminal.sees('local> ');
    terminal.type('echo code $?\r');
    await terminal.sees(`code ${code}\r\n`);
    expect(await terminal.modes()).toBe(before);
    await person.noSessionIsOpen();
  });

  it('takes what was typed before the shell was there', async () => {
    const terminal = sitDown();
    await terminal.sees('local> ');
    terminal.type(`${person.command('devaccess', ['shell', 'bastion'])}\r`);
    terminal.type('echo typed-$((40+2)); echo and-$((40+3))\r');
    await terminal.sees(/\r\ntyped-42\r\nand-43\r\n/);
    terminal.type('exit\r');
    await terminal.sees('local> ');
  });

  it('stops for ~^Z and goes on, the terminal right each time', async () => {
    const terminal = sitDown();
    await terminal.sees('local> ');
    const before = await terminal.modes();
    terminal.type(`${person.command('devaccess', ['shell', 'bastion'])}\r`);
    await terminal.sees(/\r\n(#|\$) $/);
    terminal.type('\r~\x1a');
    await terminal.sees(/Stopped|Suspended/);
    expect(await terminal.modes()).toBe(before);
    terminal.resize(99, 33);
    terminal.type('fg\r');
    terminal.type('until stty size | grep 99; do :; done\r');
    await terminal.sees('33 99\r\n');
    terminal.type('\r~.');
    await terminal.sees('local> ');
    expect(await terminal.modes()).toBe(before);
  });

  it('can be left with Ctrl-C before it is open', async () => {
    const front = await Front.open(person.aws.sandbox.endpoint);
    front.upgrade = () => 'silence';
    const terminal = sitDown(undefined, front.env);
    await terminal.sees('local> ');
    terminal.type(`${person.command('devaccess', ['shell', 'bastion'])}\r`);
    await eventually('the session is started', () => person.openSessions() === 1);
    terminal.type('\x03');
    await terminal.sees('local> ');
    terminal.type('echo code $?\r');
    await terminal.sees('code 130\r\n');
    await person.noSessionIsOpen();
    front.close();
  });

  it('goes on over cuts of the connection, and says so when it takes long', async () => {
    const front = await Front.open(person.aws.sandbox.endpoint);
    const terminal = sitDown(undefined, front.env);
    await openShell(terminal);
    terminal.type('echo fi""rst\r');
    await terminal.sees('first\r\n');
    front.api = (operation) => (operation === 'SSM.ResumeSession' ? 503 : 'pass');
    front.cut();
    await terminal.sees('resuming the session');
    terminal.type('echo sec""ond\r');
    front.api = () => 'pass';
    await terminal.sees(/session is back[^]*second\r\n|second\r\n[^]*session is back/);
    terminal.type('exit\r');
    await terminal.sees('local> ');
    front.close();
  });

  it('gives the terminal back when the session is lost for good', async () => {
    const front = await Front.open(person.aws.sandbox.endpoint);
    const terminal = sitDown(undefined, front.env);
    await terminal.sees('local> ');
    const before = await terminal.modes();
    terminal.type(`${person.command('devaccess', ['shell', 'bastion'])}\r`);
    await terminal.sees(/\r\n(#|\$) $/);
    front.api = (operation) =>
      operation === 'SSM.ResumeSession' ? { awsError: 'AccessDeniedException' } : 'pass';
    front.upgrade = () => 403;
    front.cut();
    await terminal.sees('could not be resumed');
    await terminal.sees('local> ');
    terminal.type('echo code $?\r');
    await terminal.sees('code 1\r\n');
    expect(await terminal.modes()).toBe(before);
    front.close();
  });

  it('shows why the service ended the session', async () => {
    const terminal = sitDown();
    await openShell(terminal);
    const [session] = person.aws.sandbox.registry
      .list()
      .filter(({ status }) => status === 'Connected');
    person.aws.sandbox.registry.terminate(session!.sessionId, 'Session timed out');
    await terminal.sees(/ended by the service: Session timed out\. \[DA_SESSION_ENDED\]/);
    await terminal.sees('local> ');
  });

  it('runs a session document of the account with its parameters', async () => {
    const terminal = sitDown();
    await terminal.sees('local> ');
    const args = ['shell', 'bastion', '--document', 'Team-Greeting', '--parameter', 'name=alice'];
    terminal.type(`${person.command('devaccess', args)}\r`);
    await terminal.sees('hello alice');
    terminal.type('yes\r');
    await terminal.sees('yes indeed');
    await terminal.sees('local> ');
  });

  it('takes commands from a pipe, and its end as the end', async () => {
    const run = await person.run('devaccess', ['shell', 'bastion'], {
      input: 'echo one-$((20+1))\nsleep 1\necho two-$((20+2))',
    });
    expect(run.stdout.toString()).toContain('one-21\r\n');
    expect(run.stdout.toString()).toContain('two-22\r\n');
    expect(run.stderr).toBe('');
    expect(run.code).toBe(0);
  });

  it('waits for a program that says nothing, and types to it', async () => {
    const child = person.start('devaccess', ['shell', 'bastion', '--document', 'Team-Silence']);
    const finished = collect(child);
    child.stdin.write('silence is fine\n');
    const { stdout, code } = await finished;
    expect(stdout.toString()).toContain('silence is fine indeed');
    expect(code).toBe(0);
  });

  it('refuses what has no shell with the next step', async () => {
    const cases: [string[], number, RegExp][] = [
      [['nowhere'], 2, /no host 'nowhere'.*hosts sync.*/],
      [['app-1'], 2, /has no agent.*\[DA_NO_AGENT\] Next: .*: ssh app-1/],
      [['i-0123456789abcdef0'], 1, /is not connected.*\[DA_TARGET_NOT_CONNECTED\]/],
      [['bastion', '--parameter', 'x'], 2, /'x' is not NAME=VALUE/],
      [['bastion', '--document', 'Nope'], 1, /\[DA_DOCUMENT\]/],
      [
        ['bastion', '--document', 'AWS-StartInteractiveCommand', '--parameter', 'command=top'],
        1,
        /document AWS-StartInteractiveCommand.*\[DA_DOCUMENT_DENIED\]/,
      ],
      [
        ['bastion', '--document', 'AWS-StartSSHSession', '--parameter', 'portNumber=22'],
        1,
        /forwards a port.*\[DA_DOCUMENT\]/,
      ],
    ];
    for (const [args, code, message] of cases) {
      const run = await person.run('devaccess', ['shell', ...args]);
      expect(run.stderr).toMatch(message);
      expect([args, run.code]).toEqual([args, code]);
    }
  });
});

describe('a shell whose credentials expire', () => {
  it('asks for a code at its start, and again in the middle of the session', async () => {
    let offsetMs = 0;
    const alice = await Person.arrive({
      now: () => Date.now() + offsetMs,
      maxCredentialLifetimeMs: 60_000,
    });
    await alice.startDay();
    const { sandbox } = alice.aws;
    const front = await Front.open(sandbox.endpoint);
    const terminal = sitDown(undefined, front.env, alice);
    await terminal.sees('local> ');
    offsetMs += 120_000;
    terminal.type(`${alice.command('devaccess', ['shell', 'bastion'])}\r`);
    await terminal.sees('MFA code of arn:aws:iam::123456789012:mfa/alice:');
    terminal.type(`${sandbox.mfaCode()}\r`);
    await terminal.sees(/(#|\$) $/);
    terminal.type('echo be""fore\r');
    await terminal.sees('before\r\n');
    offsetMs += 120_000;
    front.cut();
    await terminal.sees('the credentials have expired, and the session waits');
    await terminal.sees('MFA code of arn:aws:iam::123456789012:mfa/alice:');
    terminal.type(`${sandbox.mfaCode()}\r`);
    await terminal.sees('session is back');
    terminal.type('\recho af""ter; stty size\r');
    expect(await terminal.sees(/after\r\n\d+ \d+\r\n/)).toContain('24 80');
    terminal.type('exit\r');
    await terminal.sees('local> ');
    front.close();
    await alice.noSessionIsOpen();
    await alice.leave();
  });
});

describe('a shell at the pace of the real agent', () => {
  it('has its size from the first word on', async () => {
    const alice = await Person.arrive({ agent: { pace: 'real' } });
    await alice.startDay();
    const terminal = sitDown({ cols: 93, rows: 29 }, {}, alice);
    await terminal.sees('local> ');
    const args = ['shell', 'bastion', '--document', 'AWS-StartInteractiveCommand'];
    terminal.type(
      `${alice.command('devaccess', args)} --parameter command='sleep 0.5; stty size'\r`,
    );
    await terminal.sees('29 93\r\n');
    await terminal.sees('local> ');
    await alice.noSessionIsOpen();
    await alice.leave();
  });
});

describe('a shell encrypted with KMS', () => {
  it('works, and keeps what is typed and shown from the gateway', async () => {
    const frames: Buffer[] = [];
    const alice: Person = await Person.arrive({
      agent: {
        kms: {
          keyId: SEED.kmsAlias,
          requireChallenge: true,
          decrypt: (ciphertext, context) => alice.aws.sandbox.kmsDecrypt(ciphertext, context),
        },
      },
      gateway: {
        onFrame: ({ frame, forward }) => {
          frames.push(Buffer.from(frame));
          forward(frame);
        },
      },
    });
    await alice.startDay();
    const terminal = sitDown({ cols: 91, rows: 30 }, {}, alice);
    await terminal.sees('local> ');
    terminal.type(`${alice.command('devaccess', ['shell', 'bastion'])}\r`);
    await terminal.sees('This session is encrypted using AWS KMS.');
    await terminal.sees(/(#|\$) $/);
    terminal.type('stty size; echo sec""ret\r');
    expect(await terminal.sees('secret\r\n')).toContain('30 91');
    terminal.type('exit\r');
    await terminal.sees('local> ');
    const wire = Buffer.concat(frames);
    expect(wire.includes('secret')).toBe(false);
    expect(wire.includes('sec""ret')).toBe(false);
    await alice.noSessionIsOpen();
    await alice.leave();
  });
});
