import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { eventually, Person } from './support/person.ts';

let person: Person;
let config: string;

beforeAll(async () => {
  person = await Person.arrive();
  // Somebody without a single key that any server knows, whose own lines would keep agents out.
  config = join(person.home, '.ssh', 'config');
  const { knownHostsFile } = person.aws;
  writeFileSync(
    config,
    `Host *\n  UserKnownHostsFile ${knownHostsFile}\n  StrictHostKeyChecking yes\n  BatchMode yes\n` +
      '  IdentityFile /nowhere\n  IdentitiesOnly yes\n  LogLevel ERROR\n',
  );
  await person.startDay(['--key', 'instance-connect']);
});
afterEach(() => person.noSessionIsOpen());
afterAll(() => person.leave());

const agentPath = (id: string): string => join(person.home, '.ssh', 'devaccess-agents', id);
const hybridId = (): string =>
  person.aws.sandbox.account.nodes.find(({ instanceId }) => instanceId.startsWith('mi-'))!
    .instanceId;
const ssh = (args: string[], env: Record<string, string> = {}) => person.run('ssh', args, { env });

/** Syncs in another way, and again as before. */
async function syncedWith(flags: string[], work: () => Promise<void>): Promise<void> {
  const sync = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await person.run('devaccess', ['hosts', 'sync', ...args]);
    expect(code).toBe(0);
    return stderr;
  };
  await sync(...flags);
  await work();
  const said = await sync('--key', 'instance-connect');
  expect(said).toContain('outside EC2 there is no EC2 Instance Connect: ');
}

describe('a key for a minute', () => {
  it('logs in by EC2 Instance Connect, also behind the bastion, and many at once', async () => {
    const one = await ssh(['bastion', 'echo in']);
    expect({ out: one.stdout.toString(), err: one.stderr }).toEqual({ out: 'in\n', err: '' });
    const many = await Promise.all(
      ['bastion', 'someserver', 'bastion', 'someserver'].map((host) => ssh([host, 'echo in'])),
    );
    expect(many.map(({ stderr }) => stderr)).toEqual(['', '', '', '']);
    expect(many.map(({ stdout }) => stdout.toString())).toEqual(['in\n', 'in\n', 'in\n', 'in\n']);
    expect(existsSync(agentPath(person.bastionId))).toBe(false);
  });

  it('is told of where the policy denies it, and ssh goes on without', async () => {
    const { inlinePolicies } = person.aws.sandbox.user;
    const denied = { Effect: 'Deny', Action: 'ec2-instance-connect:*', Resource: '*' } as const;
    inlinePolicies.set('denied', policyOf([denied]));
    try {
      const { code, stderr } = await ssh(['bastion', 'true']);
      expect(code).toBe(255);
      expect(stderr).toMatch(
        /You may not push a key for ec2-user to i-\w+: .* \[DA_ACCESS_DENIED\]/,
      );
      expect(stderr).toContain('Permission denied (publickey)');
      const own = await ssh(['-i', person.aws.identityFile, 'bastion', 'true']);
      expect(own.code).toBe(0);
    } finally {
      inlinePolicies.delete('denied');
    }
  });

  it('gets to a hybrid node by Run Command', async () => {
    await syncedWith(['--key', 'run-command'], async () => {
      const { code, stderr, stdout } = await ssh([hybridId(), 'cat .ssh/authorized_keys']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout.toString()).toMatch(/^ssh-ed25519 \S+ devaccess-until-\d+\n$/);
    });
  });

  it('may be one of the agent of the person', async () => {
    const socket = join(person.home, 'agent.sock');
    const agent = spawnSync('ssh-agent', ['-a', socket], { encoding: 'utf8' });
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(agent.stdout)![1]);
    try {
      const key = join(person.home, 'own');
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
      spawnSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      await syncedWith(['--key', 'instance-connect', '--key-from', 'agent'], async () => {
        const run = await ssh(['someserver', 'echo in'], { SSH_AUTH_SOCK: socket });
        expect({ out: run.stdout.toString(), err: run.stderr }).toEqual({ out: 'in\n', err: '' });
        const none = await ssh(['bastion', 'echo in']);
        expect(none.stderr).toContain('SSH_AUTH_SOCK is not set');
      });
    } finally {
      process.kill(pid);
    }
  });

  it('leaves no process and no socket behind when ssh is killed', async () => {
    const child = person.start('ssh', ['someserver', 'echo on; cat']);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(existsSync(agentPath(person.instanceId('someserver')))).toBe(true);
    child.kill('SIGKILL');
    await person.noSessionIsOpen();
    const left = (): boolean => existsSync(agentPath(person.instanceId('someserver')));
    await eventually('no agent', () => !left());
  });
});
