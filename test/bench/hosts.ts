/**
 * `hosts sync` on large accounts: 5 regions of the sandbox with 10 000 to 50 000 servers in all.
 *
 *   npm run bench:hosts -- [--servers 10000,25000,50000] [--rounds 3] [--names 30] [--json FILE]
 *
 * For each size: the built command, a first time and an unchanged second one (seconds, CPU seconds,
 * peak memory); the local work of the two, which is all that is left to do when the last answer of AWS
 * has been read; and `ssh -G` with what it wrote, for names looked up for the first time and again,
 * beside an empty config in the same run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readSyncedHosts } from '../../src/hosts/synced-hosts.ts';
import { crowd } from '../../src/sandbox/crowd.ts';
import { crowdAccounts, syncCrowd } from '../integration/support/crowd-sync.ts';
import { report, rowsOf, Samples } from './report.ts';

const { values: flags } = parseArgs({
  options: {
    servers: { type: 'string', default: '10000,25000,50000' },
    // For the processes that this one starts.
    answers: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    names: { type: 'string', default: '30' },
    json: { type: 'string', default: 'bench-results/hosts.json' },
  },
});
const REGIONS = ['eu-central-1', 'eu-west-1', 'us-east-1', 'us-east-2', 'us-west-2'];
const cli = resolve('bin/devaccess.js');
const place = flags.answers === undefined ? mkdtempSync(join(tmpdir(), 'devaccess-bench-')) : '';
const samples = { command: new Samples(), local: new Samples(), ssh: new Samples() };
const facts: Record<string, string> = {};

if (flags.answers !== undefined) {
  await localOnce(flags.answers);
  process.exit();
}
for (const size of flags.servers.split(',')) {
  await command(size);
  local(size);
}
mkdirSync(dirname(flags.json), { recursive: true });
const file = (part: string): string => flags.json.replace(/\.json$/, `-${part}.json`);
report('devaccess hosts sync', 's', {
  rows: rowsOf(samples.command, () => undefined),
  samples: samples.command,
  file: file('command'),
  facts,
});
report('local work', 'ms', {
  rows: rowsOf(samples.local, (name) =>
    name.endsWith('unchanged') ? name.replace('unchanged', 'first') : undefined,
  ),
  samples: samples.local,
  file: file('local'),
});
report('ssh -G', 'ms', {
  rows: rowsOf(samples.ssh, (name) => (name.endsWith('empty') ? undefined : emptyOf(name))),
  samples: samples.ssh,
  file: file('ssh'),
});
rmSync(place, { recursive: true });

/** The built command against a sandbox of its own process. */
async function command(size: string): Promise<void> {
  const regions = REGIONS.flatMap((region) => ['--servers-in', region]);
  const sandbox = spawn(
    process.execPath,
    [
      cli,
      'sandbox',
      'start',
      '--json',
      '--region',
      REGIONS[0] ?? '',
      '--servers',
      size,
      ...regions,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(createInterface({ input: sandbox.stdout }), 'line')) as [string];
  const { environment } = JSON.parse(line) as { environment: Record<string, string> };
  const home = join(place, `home-${size}`);
  mkdirSync(home);
  const env = { ...process.env, ...environment, HOME: home, AWS_PROFILE: 'admin' };
  const args = ['hosts', 'sync', '--bastion', 'tag:Role=bastion'];
  for (const region of REGIONS) args.push('--region', region);
  for (const which of ['first', 'unchanged']) {
    const startedAtMs = performance.now();
    const child = spawn(process.execPath, ['--import', usageHook(), cli, ...args], {
      env,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stdio[3]?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(child, 'close');
    const { cpuMs, peakKibibytes } = JSON.parse(text) as Record<string, number>;
    const seconds = (performance.now() - startedAtMs) / 1000;
    samples.command.record(`${size} ${which}`, seconds);
    samples.command.record(`${size} ${which}, CPU`, (cpuMs ?? 0) / 1000);
    facts[`${size} ${which}, peak MiB`] = String(Math.round((peakKibibytes ?? 0) / 1024));
  }
  sandbox.kill('SIGTERM');
  await once(sandbox, 'close');
  sshTimes(size, join(home, '.ssh'));
}

/** Tells of itself as it ends. */
function usageHook(): string {
  const hook = join(place, 'usage.mjs');
  writeFileSync(
    hook,
    `import { writeSync } from 'node:fs';
     process.on('exit', () => {
       const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
       writeSync(3, JSON.stringify({
         cpuMs: (userCPUTime + systemCPUTime) / 1000, peakKibibytes: maxRSS }));
     });`,
  );
  return hook;
}

/** In turns, so that what else the machine does meets all alike. */
function sshTimes(size: string, sshDirectory: string): void {
  const empty = join(place, 'empty');
  writeFileSync(empty, '');
  const hosts = readSyncedHosts(sshDirectory);
  const step = Math.floor(hosts.length / Number(flags.names));
  const names = hosts.filter((_, at) => at % step === 0).map(({ alias }) => alias);
  const ask = (what: string, config: string, name: string): void => {
    const startedAtMs = performance.now();
    const { stdout } = spawnSync('ssh', ['-F', config, '-G', name], { encoding: 'utf8' });
    samples.ssh.record(`${size} ${what}`, performance.now() - startedAtMs);
    if (what !== 'empty' && !stdout.includes('hostkeyalias')) throw new Error(`no ${name}`);
  };
  for (const name of names) {
    ask('empty', empty, name);
    ask('looked up', join(sshDirectory, 'config'), name);
    ask('again', join(sshDirectory, 'config'), name);
  }
}

function emptyOf(name: string): string {
  return name.replace(/ (looked up|again)$/, ' empty');
}

/** In a process for each, as a person's are; with the answers of AWS in memory. */
function local(size: string): void {
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    const folder = mkdtempSync(join(place, 'local-'));
    const answers = join(folder, 'answers.json');
    writeFileSync(
      answers,
      JSON.stringify(crowd({ servers: Number(size), regions: REGIONS, nowMs: 0 })),
    );
    for (const which of ['first', 'unchanged']) {
      const args = [fileURLToPath(import.meta.url), '--answers', answers];
      const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      samples.local.record(`${size} ${which}`, Number(stdout));
    }
    rmSync(folder, { recursive: true });
  }
}

/** Such a process: prints the milliseconds. */
async function localOnce(answers: string): Promise<void> {
  const all = JSON.parse(readFileSync(answers, 'utf8')) as ReturnType<typeof crowd>;
  let answeredAtMs = 0;
  const accounts = crowdAccounts(0, REGIONS, all, () => (answeredAtMs = performance.now()));
  await syncCrowd(accounts, { sshDirectory: dirname(answers) });
  process.stdout.write(String(performance.now() - answeredAtMs));
}
