/**
 * The long trial of the credentials file, `npm run chaos:files [seconds] [writers]`: 60 s and 64
 * processes by default. At the end botocore (where python3 has it) and the JavaScript SDK read it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSharedConfigFiles } from '@smithy/core/config';
import { torture } from './torture.ts';

const BOTOCORE =
  'import sys, botocore.configloader as c; print(len(c.raw_config_parse(sys.argv[1])))';
const seconds = Number(process.argv[2] ?? 60);
const writers = Number(process.argv[3] ?? 64);

const { text, leftOver, ...counts } = await torture({ writers, seconds });
const folder = mkdtempSync(join(tmpdir(), 'devaccess-torture-'));
const filepath = join(folder, 'credentials');
writeFileSync(filepath, text, { mode: 0o600 });

const { credentialsFile } = await loadSharedConfigFiles({
  filepath,
  configFilepath: '/dev/null',
  ignoreCache: true,
});
const python = spawnSync('python3', ['-c', BOTOCORE, filepath], { encoding: 'utf8' });
rmSync(folder, { recursive: true, force: true });

const report = {
  seconds,
  writers,
  ...counts,
  leftOver,
  sectionsInJavaScript: Object.keys(credentialsFile).length,
  sectionsInBotocore: python.status === 0 ? Number(python.stdout) : 'botocore is not installed',
};
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
const expected = writers + 2;
const isGood =
  leftOver.join() === 'credentials' &&
  report.sectionsInJavaScript === expected &&
  (python.status !== 0 || report.sectionsInBotocore === expected);
process.exit(isGood ? 0 : 1);
