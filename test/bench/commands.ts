/**
 * How long the commands take that other programs run all the time, beside a bare `node -e 0`: the
 * text of a shell's prompt and the credentials of a session, with twenty profiles in the files.
 *
 *   node scripts/run-ts.js test/bench/commands.ts [--runs N] [--json FILE]
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { report, rowsOf, Samples } from './report.ts';

const { values: flags } = parseArgs({
  options: { runs: { type: 'string', default: '31' }, json: { type: 'string' } },
});
const BARE = 'bare node';
const runs = Number(flags.runs);
const devaccess = join(process.cwd(), 'bin', 'devaccess.js');

const home = mkdtempSync(join(tmpdir(), 'devaccess-bench-'));
mkdirSync(join(home, '.aws'));
const end = new Date(Date.now() + 11 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
const token = 't'.repeat(800);
const pairs = Array.from(
  { length: 20 },
  (_, index) =>
    `[p${index}-long-term]\naws_access_key_id = AKIAEXAMPLEEXAMPLE00\naws_secret_access_key = s\n` +
    `aws_mfa_device = arn:aws:iam::123456789012:mfa/alice\n` +
    `[p${index}]\naws_access_key_id = ASIAEXAMPLEEXAMPLE00\naws_secret_access_key = s\n` +
    `aws_session_token = ${token}\naws_security_token = ${token}\nexpiration = ${end}\n`,
);
writeFileSync(join(home, '.aws', 'credentials'), pairs.join('\n'), { mode: 0o600 });
writeFileSync(
  join(home, '.aws', 'config'),
  '[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = p10\n',
);
const env = { PATH: process.env['PATH'], HOME: home, AWS_PROFILE: 'admin' };

const commands = new Map([
  [BARE, ['-e', '0']],
  ['devaccess credential-process', [devaccess, 'credential-process', '--profile', 'p10']],
  ['devaccess status --prompt', [devaccess, 'status', '--prompt']],
]);
const samples = new Samples();
for (let run = -1; run < runs; run += 1) {
  for (const [name, args] of commands) {
    const startMs = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
    // The first round warms what can be warm.
    if (run >= 0) samples.record(name, performance.now() - startMs);
  }
}
rmSync(home, { recursive: true });
const rows = rowsOf(samples, (name) => (name === BARE ? undefined : BARE));
report('Commands that programs run', 'ms', { rows, samples, file: flags.json, facts: { runs } });
