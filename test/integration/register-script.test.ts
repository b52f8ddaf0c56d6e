import { afterEach, describe, expect, it } from 'vitest';
import { installScript } from '../../src/nodes/install-script.ts';
import { BareMachine, hasNamespaces } from './support/bare-machine.ts';

const ID = '01234567-89ab-cdef-0123-456789abcdef';
const CODE = 'Fjz3/sZfSvv78E+AMPLE';
const OLD_NODE = 'mi-aaaaaaaaaaaaaaaaa';
const NODE = 'mi-0123456789abcdef0';
const VAULT = '/var/lib/amazon/ssm/Vault/Store/RegistrationKey';
const TOOLS = ['basename', 'cat', 'cp', 'grep', 'head', 'id', 'mkdir', 'mktemp', 'mv', 'rm', 'sed'];

/** An agent does as the official one: the former registration is gone before it asks for a new one. */
const AGENT = `
[ "$1" = -register ] || exit 1
mkdir -p /var/lib/amazon/ssm/Vault/Store
printf '{"instanceID":"","privateKey":"new"}' >${VAULT}
if [ -e /agent-fails ]; then
  echo "ERROR Registration failed with $*: InvalidActivation"
  exit 1
fi
printf '{"instanceID":"${NODE}","privateKey":"new"}' >${VAULT}
printf '{"ManagedInstanceID":"${NODE}","Region":"eu-central-1"}' >/var/lib/amazon/ssm/registration
`;

const machines: BareMachine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine.leave();
});

function machine({ hasAgent = true } = {}): BareMachine {
  const made = new BareMachine(TOOLS);
  machines.push(made);
  made.write('/register.sh', installScript('linux', ID, 'eu-central-1'));
  made.program('systemctl', '');
  // For the installers here; the script itself needs none.
  made.tool('chmod');
  if (hasAgent) made.program('amazon-ssm-agent', AGENT);
  return made;
}

/** A package manager that brings the agent. */
const INSTALL = `
umask >/log/umask
cat >/usr/local/bin/amazon-ssm-agent <<'AGENT'
#!/bin/sh
printf '%s\\n' "amazon-ssm-agent $*" >>/log/argv
${AGENT}
AGENT
/tools/chmod +x /usr/local/bin/amazon-ssm-agent
`;
function installer(made: BareMachine, name: string): void {
  made.program(name, `${INSTALL}\n`);
}

function registered(made: BareMachine): void {
  made.write(VAULT, `{"instanceID":"${OLD_NODE}","privateKey":"old"}`);
  made.write('/var/lib/amazon/ssm/registration', `{"ManagedInstanceID":"${OLD_NODE}"}`);
}

const REGISTRATION = `amazon-ssm-agent -register -region eu-central-1 -id ${ID} -code ${CODE}`;

describe.skipIf(!hasNamespaces)('the script that registers a Linux machine', () => {
  it('registers the agent that is there, with a code from standard input, and starts it', async () => {
    const made = machine();
    const { code, stdout, stderr } = await made.run('/register.sh', [], `${CODE}\r\n`);
    expect([code, stdout]).toEqual([0, `${NODE}\n`]);
    expect(stderr).toContain('registered in eu-central-1');
    expect(stderr).not.toContain(CODE);
    const own = made.argv.filter((line) => /^(amazon-ssm-agent|systemctl)/.test(line));
    expect(own).toEqual([
      'systemctl stop amazon-ssm-agent',
      REGISTRATION,
      'systemctl enable amazon-ssm-agent',
      'systemctl start amazon-ssm-agent',
    ]);
    // The agent itself takes it nowhere else.
    expect(made.argv.filter((line) => line.includes(CODE))).toEqual([REGISTRATION]);
    expect(made.argv.filter((line) => line.startsWith('rm -rf /tmp/'))).toHaveLength(1);
  });

  it('takes the code from a file, without a line end too', async () => {
    const made = machine();
    made.write('/code', CODE);
    const { code } = await made.run('/register.sh', ['--code-file', '/code'], 'not the code\n');
    expect(code).toBe(0);
    expect(made.argv).toContain(REGISTRATION);
  });

  it.each([
    ['nothing', ''],
    ['too little', 'short\n'],
    ['what a shell could mistake', `${CODE}$(id)\n`],
    ['blanks', `${CODE} ${CODE}\n`],
  ])('registers nothing when the code is %s, and does not repeat it', async (_what, input) => {
    const made = machine();
    const { code, stdout, stderr } = await made.run('/register.sh', [], input);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/activation code/);
    expect(stderr).not.toContain(CODE);
    expect(made.argv.some((line) => /^(amazon-ssm-agent|systemctl)/.test(line))).toBe(false);
  });

  it('takes no code as an argument, and does not repeat what it was given', async () => {
    const made = machine();
    const { code, stderr } = await made.run('/register.sh', [CODE]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Usage/);
    expect(stderr).not.toContain(CODE);
  });

  it.each([
    ['amd64', 'debian_amd64'],
    ['arm64', 'debian_arm64'],
    ['armhf', 'debian_arm'],
  ])('installs a .deb for %s', async (architecture, build) => {
    const made = machine({ hasAgent: false });
    made.program('curl', ': >/log/curl-ran');
    made.program(
      'dpkg',
      `[ "$1" != --print-architecture ] || { echo ${architecture}; exit; }\n${INSTALL}`,
    );
    const { code, stderr } = await made.run('/register.sh', [], CODE);
    expect([code, stderr]).toEqual([0, expect.stringContaining('downloading')]);
    const url = `https://s3.eu-central-1.amazonaws.com/amazon-ssm-eu-central-1/latest/${build}/amazon-ssm-agent.deb`;
    const download = made.argv.find((line) => line.startsWith('curl'));
    expect(download).toMatch(/--proto =https --tlsv1.2/);
    expect(download?.endsWith(url)).toBe(true);
    expect(made.argv.find((line) => line.startsWith('dpkg -i'))).toMatch(/amazon-ssm-agent\.deb$/);
    // Else what a package makes would be root's alone.
    expect(made.read('/log/umask').trim()).toBe('0022');
    expect(made.argv).toContain(REGISTRATION);
  });

  it('installs an .rpm, downloaded by wget where there is no curl', async () => {
    const made = machine({ hasAgent: false });
    made.program('uname', 'echo aarch64');
    made.program('wget', '');
    installer(made, 'rpm');
    expect((await made.run('/register.sh', [], CODE)).code).toBe(0);
    expect(made.argv.find((line) => line.startsWith('wget'))).toMatch(
      /latest\/linux_arm64\/amazon-ssm-agent\.rpm$/,
    );
    expect(made.argv.some((line) => /^rpm -U .*amazon-ssm-agent\.rpm$/.test(line))).toBe(true);
  });

  it('installs the snap on Ubuntu, and registers the agent in it', async () => {
    const made = machine({ hasAgent: false });
    const folder = '/snap/amazon-ssm-agent/current';
    made.write('/etc/os-release', 'NAME="Ubuntu"\nID=ubuntu\n');
    made.program('dpkg', 'exit 1');
    made.program(
      'snap',
      `mkdir -p ${folder}\n${INSTALL}\ncp /usr/local/bin/amazon-ssm-agent ${folder}/`,
    );
    expect((await made.run('/register.sh', [], CODE)).code).toBe(0);
    expect(made.argv).toContain('snap install amazon-ssm-agent --classic');
    expect(made.argv).toContain('systemctl start snap.amazon-ssm-agent.amazon-ssm-agent.service');
  });

  it('installs a package that it is given', async () => {
    const made = machine({ hasAgent: false });
    made.write('/agent.deb', '');
    installer(made, 'dpkg');
    expect((await made.run('/register.sh', ['--package', 'agent.deb'], CODE)).code).toBe(0);
    expect(made.argv).toContain('dpkg -i ./agent.deb');
  });

  it('says what is missing where nothing can install the agent', async () => {
    const { code, stderr } = await machine({ hasAgent: false }).run('/register.sh', [], CODE);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no snap, dpkg or rpm')]);
  });

  it('leaves a machine alone that is a node, unless told otherwise', async () => {
    const made = machine();
    registered(made);
    const refused = await made.run('/register.sh', [], CODE);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`${OLD_NODE} already; --replace`),
    ]);
    expect(made.read(VAULT)).toContain(OLD_NODE);
    const replaced = await made.run('/register.sh', ['--replace'], CODE);
    expect([replaced.code, replaced.stdout]).toEqual([0, `${NODE}\n`]);
    expect(replaced.stderr).toContain(`devaccess nodes deregister ${OLD_NODE}`);
    expect(made.argv).toContain(REGISTRATION.replace('-register', '-register -y'));
  });

  it('gives a machine its former registration back when the new one fails', async () => {
    const made = machine();
    registered(made);
    made.write('/agent-fails', '');
    const { code, stdout, stderr } = await made.run('/register.sh', ['--replace'], CODE);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`is the activation ${ID} still open in eu-central-1?`);
    expect(stderr).toContain(`stays ${OLD_NODE}`);
    // The agent repeats its arguments; who runs the script does not see the code.
    expect(stderr).not.toContain(CODE);
    expect(made.read(VAULT)).toBe(`{"instanceID":"${OLD_NODE}","privateKey":"old"}`);
    expect(made.mode(VAULT)).toBe(0o600);
    expect(made.argv.at(-2)).toBe('systemctl start amazon-ssm-agent');
  });
});
