import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { installScript } from '../../../src/nodes/install-script.ts';

const ID = '01234567-89ab-cdef-0123-456789abcdef';
const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0;

describe('the install scripts', () => {
  it.each(['linux', 'windows'] as const)('for %s know the activation and the region', (system) => {
    const script = installScript(system, ID, 'eu-central-1');
    expect(script).toContain(`'${ID}'`);
    expect(script).toContain("'eu-central-1'");
    expect(script).toContain(
      'https://s3.eu-central-1.amazonaws.com/amazon-ssm-eu-central-1/latest',
    );
    expect(script).not.toMatch(/@[A-Z_]+@/);
  });

  it('find the agent in China', () => {
    expect(installScript('linux', ID, 'cn-north-1')).toContain(
      'https://s3.cn-north-1.amazonaws.com.cn/amazon-ssm-cn-north-1/latest',
    );
  });

  it.each([
    [`${ID}'; id; '`, 'eu-central-1'],
    [`${ID}\n`, 'eu-central-1'],
    [ID.toUpperCase(), 'eu-central-1'],
    ['', 'eu-central-1'],
    [ID, "x'$(id)'"],
    [ID, 'eu-central-1\n'],
    [ID, ''],
  ])('take no other text: %j in %j', (id, region) => {
    for (const system of ['linux', 'windows'] as const) {
      expect(() => installScript(system, id, region)).toThrow(
        expect.objectContaining({ code: 'DA_USAGE' }) as Error,
      );
    }
  });

  it.skipIf(!hasShellcheck)('are clean for shellcheck', () => {
    const input = installScript('linux', ID, 'eu-central-1');
    const { stdout, status } = spawnSync('shellcheck', ['-'], { input, encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });
});
