import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shadowNotices, textEntries } from '../../../src/hosts/shadows.ts';
import { readSshConfig } from '../../../src/hosts/ssh-files.ts';

const NAME = 'devaccess-default-eu-west-1.conf';
const TEXT = `# devaccess-hosts 1

Host web-1 i-00000000000000001
    HostName 10.0.0.1
    HostKeyAlias i-00000000000000001
    User ubuntu
    ProxyJump bastion

Host bastion i-0000000000000000b
    HostName i-0000000000000000b
    ProxyCommand "/usr/bin/node" --target %h
`;

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-shadows-'));
  mkdirSync(join(home, '.ssh', 'config.d'), { recursive: true });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** What is said of a config, its path and the end of the sentence left out. */
function notices(config: string): string[] {
  const configPath = join(home, '.ssh', 'config');
  const ours = join(home, '.ssh', 'config.d', NAME);
  const items = readSshConfig({
    configPath,
    configText: config,
    loginHome: home,
    isOurs: (path) => path.includes('/config.d/devaccess-'),
    ownFiles: [ours],
  });
  return shadowNotices(items, (name) => (name === NAME ? textEntries(TEXT) : [])).map((notice) =>
    notice.replace(`${home}/.ssh/`, '').replace(' is above the servers of devaccess and', ''),
  );
}

const INCLUDE = 'Include config.d/*.conf\n';

describe('lines above our entries', () => {
  it.each([
    ['User me\n', 'config:1: user for all hosts wins over theirs for web-1; move it below them'],
    [
      'Host *\n  User me\nMatch all\n',
      "config:2: user in 'Host *' wins over theirs for web-1; move it below them",
    ],
    [
      'Host web-?\n  HostName x\nMatch all\n',
      "config:2: hostname in 'Host web-?' wins over theirs for web-1",
    ],
    ['Host i-* mi-*\n  ProxyCommand x\nMatch all\n', 'wins over theirs for 2 servers, such as i-'],
    [
      'Host b*\n  ProxyJump x\nMatch all\n',
      "config:2: proxyjump in 'Host b*' wins over theirs for bastion",
    ],
    [
      'Match originalhost web-1,x\n  User me\nMatch all\n',
      "config:2: user in 'Match originalhost web-1,x' wins",
    ],
    [
      'Match exec "true"\n  User me\nMatch all\n',
      "config:2: user in 'Match exec true' may win over theirs for web-1",
    ],
    ['Match host=web-1 user=x\n  User me\nMatch all\n', 'may win over theirs for web-1'],
    ['user = me\n', 'config:1: user for all hosts wins'],
  ])('are told where they win: %j', (above, notice) => {
    expect(notices(above + INCLUDE)).toEqual([expect.stringContaining(notice) as string]);
  });

  it.each([
    '',
    'Host * !web-1 !i-00000000000000001\n  User me\nMatch all\n',
    'Host *\n  User ubuntu\nMatch all\n',
    'Host *\n  Compression yes\n  IdentityFile x\nMatch all\n',
    'Match !originalhost web-*,i-*\n  User me\nMatch all\n',
    'Match final all\n  User me\nMatch all\n',
    'Host web-12\n  User me\nMatch all\n',
    '# User me\n',
  ])('play no part where they do not: %j', (above) => {
    expect(notices(above + INCLUDE)).toEqual([]);
  });

  it('play no part below', () => {
    expect(notices(`${INCLUDE}User me\nHost *\n  HostName x\n`)).toEqual([]);
  });

  it('are found in files that are included before ours', () => {
    writeFileSync(join(home, '.ssh', 'config.d', 'corp.conf'), 'Host *\n  User corp\n');
    writeFileSync(join(home, '.ssh', 'config.d', 'zoo.conf'), 'Host *\n  User zoo\n');
    expect(notices(INCLUDE)).toEqual([
      "config.d/corp.conf:2: user in 'Host *' wins over theirs for web-1; move it below them",
    ]);
    expect(notices(`Host x\n  ${INCLUDE}Match all\nInclude config.d/devaccess-*\n`)).toEqual([]);
    rmSync(join(home, '.ssh', 'config.d', 'corp.conf'));
    rmSync(join(home, '.ssh', 'config.d', 'zoo.conf'));
  });

  it('are found above entries in the config itself', () => {
    const inline = `# >>> ${NAME} >>> x\n${TEXT}\nHost *\n# <<< ${NAME} <<<\n`;
    expect(notices(`# mine\nUser me\n${inline}`)).toEqual([
      'config:2: user for all hosts wins over theirs for web-1; move it below them',
    ]);
    expect(notices(`${inline}User me\n`)).toEqual([]);
  });

  it('end somewhere, however files include each other', () => {
    for (const [name, other] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      writeFileSync(
        join(home, '.ssh', name),
        `Include ${other}\nInclude ${name} ${other}\nUser x\n`,
      );
    }
    expect(notices(`Include a b\n${INCLUDE}`).length).toBeGreaterThan(0);
  });
});
