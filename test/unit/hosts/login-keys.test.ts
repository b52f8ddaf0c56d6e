import { expect, it } from 'vitest';
import { entryKey } from '../../../src/hosts/login-keys.ts';
import type { KeyChoice } from '../../../src/hosts/login-keys.ts';

const EC2 = 'i-0123456789abcdef0';
const HYBRID = 'mi-0123456789abcdef0';

it.each<[KeyChoice, string, string | undefined]>([
  ['instance-connect', EC2, 'instance-connect'],
  ['instance-connect', HYBRID, undefined],
  ['run-command', EC2, 'run-command'],
  ['run-command', HYBRID, 'run-command'],
  ['auto', EC2, 'instance-connect'],
  ['auto', HYBRID, 'run-command'],
  ['auto', 'fixed-host', undefined],
])('%s gives %s a key by %s', (choice, instanceId, method) => {
  const keys = { choice, agentFolder: '/agents', configFile: undefined };
  expect(entryKey({ instanceId, user: 'ubuntu' }, keys)?.method).toBe(method);
});

it('gives no key to a user whose name a shell could misread', () => {
  const keys = { choice: 'auto', agentFolder: undefined, configFile: undefined } as const;
  expect(entryKey({ instanceId: EC2, user: 'a;b' }, keys)).toBeUndefined();
});
