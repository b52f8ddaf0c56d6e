/**
 * The long-running trial, `npm run chaos [MiB] [scenario…]`: big transfers each way through real
 * ssh on a connection that breaks in every way at once. 256 MiB by default; about 20 minutes.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Front } from '../integration/support/front.ts';
import type { Treatment } from '../integration/support/front.ts';
import { Person, sha256 } from '../integration/support/person.ts';

const MIB = 1024 * 1024;
const sizeMib = Number(process.argv[2] ?? 256);
const wanted = process.argv.slice(3);
const STOPPED_MS = Number(process.env['CHAOS_STOPPED_MS'] ?? 90_000);

interface Trial {
  person: Person;
  front: Front;
  data: Buffer;
}

/** Three refusals of different kinds before each connection but the first. */
function refusing(): () => Treatment {
  let count = -1;
  return () => {
    count += 1;
    return count === 0 ? 'pass' : ([503, 'reset', 503, 'pass'] as const)[(count - 1) % 4]!;
  };
}

/** The proxy that an ssh started, by its process id. */
function proxyOf(ssh: number): number {
  return Number(readFileSync(`/proc/${ssh}/task/${ssh}/children`, 'utf8').trim().split(' ')[0]);
}

function residentMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

/** Stops ssh and its proxy, as a closed lid does; alone, ssh would give its proxy up after 90 s. */
async function asleep(ssh: number): Promise<void> {
  process.kill(-ssh, 'SIGSTOP');
  await wait(STOPPED_MS);
  process.kill(-ssh, 'SIGCONT');
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends `data` up; returns what the far end computed. `during` makes trouble meanwhile. */
async function upload(
  { person, front, data }: Trial,
  during: (ssh: number) => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const child = person.start('ssh', ['bastion', 'sha256sum'], front.env);
  const out: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.pipe(process.stderr);
  child.stdin.on('error', () => undefined);
  child.stdin.end(data);
  const closed = once(child, 'close') as Promise<[number]>;
  await Promise.race([during(child.pid!), closed]);
  const [code] = await closed;
  if (code !== 0) throw new Error(`ssh ended with ${code}`);
  const sum = Buffer.concat(out).toString().slice(0, 64);
  if (sum !== sha256(data)) throw new Error('not the same bytes');
  return 'exact';
}

async function download(
  { person, front, data }: Trial,
  during: (ssh: number, pause: (ms: number) => Promise<void>) => Promise<string | undefined>,
): Promise<string> {
  const home = person.aws.hosts.hosts.find(({ name }) => name === 'bastion')!.homeDirectory;
  writeFileSync(join(home, 'down.bin'), data);
  const child = person.start('ssh', ['bastion', 'cat down.bin'], front.env);
  const digest = createHash('sha256');
  child.stdout.on('data', (chunk: Buffer) => digest.update(chunk));
  child.stderr.pipe(process.stderr);
  child.stdin.end();
  const closed = once(child, 'close') as Promise<[number]>;
  await once(child.stdout, 'data');
  const said = await during(child.pid!, async (ms) => {
    child.stdout.pause();
    await wait(ms);
    child.stdout.resume();
  });
  const [code] = await closed;
  if (code !== 0) throw new Error(`ssh ended with ${code}`);
  if (digest.digest('hex') !== sha256(data)) throw new Error('not the same bytes');
  return ['exact', said].filter((text) => text !== undefined).join(', ');
}

const nothing = (): Promise<undefined> => Promise.resolve(undefined);

const scenarios: Record<string, (trial: Trial) => Promise<string>> = {
  'up: cut every 5 MiB, three refusals each, another address each': async (trial) => {
    trial.front.cutEveryBytes = 5 * MIB;
    trial.front.upgrade = refusing();
    return upload(trial);
  },
  'up: silent connections': async (trial) =>
    upload(trial, async () => {
      for (let count = 0; count < 3; count += 1) {
        await wait(500);
        trial.front.isSilent = true;
        while (trial.front.openStreams > 0) await wait(50);
        trial.front.isSilent = false;
      }
    }),
  'up: credentials expire and are renewed': async (trial) => {
    const file = join(trial.person.home, '.aws', 'credentials');
    const good = readFileSync(file, 'utf8');
    const replaceBy = (text: string): void => {
      writeFileSync(`${file}.new`, text, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    };
    return upload(trial, async () => {
      for (let count = 0; count < 4; count += 1) {
        await wait(700);
        replaceBy(good.replace(/aws_session_token = .*/, 'aws_session_token = expired'));
        trial.front.cut();
        await wait(1500);
        replaceBy(good);
      }
    });
  },
  'up: client stopped': async (trial) =>
    upload(trial, async (ssh) => {
      await wait(1000);
      await asleep(ssh);
    }),
  'down: cut every 24 MiB, three refusals each, another address each': async (trial) => {
    trial.front.cutEveryBytes = 24 * MIB;
    trial.front.upgrade = refusing();
    return download(trial, nothing);
  },
  'down: silent connections': async (trial) =>
    download(trial, async () => {
      for (let count = 0; count < 2; count += 1) {
        trial.front.isSilent = true;
        // Nothing waits to be acknowledged here: only the idle ping notices.
        while (trial.front.openStreams > 0) await wait(50);
        trial.front.isSilent = false;
        await wait(1000);
      }
      return undefined;
    }),
  'down: client stopped': async (trial) =>
    download(trial, async (ssh) => {
      await asleep(ssh);
      return undefined;
    }),
  'down: nobody reads for a minute': async (trial) =>
    download(trial, async (ssh, pause) => {
      const proxy = proxyOf(ssh);
      const before = residentMib(proxy);
      let most = 0;
      const watch = setInterval(() => (most = Math.max(most, residentMib(proxy))), 1000);
      await pause(60_000);
      clearInterval(watch);
      return `proxy grew from ${before.toFixed(0)} to ${most.toFixed(0)} MiB at most`;
    }),
};

async function run(name: string, scenario: (trial: Trial) => Promise<string>): Promise<boolean> {
  const person = await Person.arrive({
    agent: { windowMessages: 48 },
    gateway: { limits: { socketLifetimeMs: 10_000 } },
  });
  const front = await Front.open(person.aws.sandbox.endpoint);
  const startMs = performance.now();
  let verdict: string;
  try {
    await person.startDay();
    verdict = await scenario({ person, front, data: randomBytes(sizeMib * MIB) });
    await person.noSessionIsOpen();
  } catch (error) {
    verdict = `FAILED: ${String(error)}`;
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const resumes = front.events.filter((event) => event === 'SSM.ResumeSession').length;
  process.stdout.write(
    `${name}: ${sizeMib} MiB ${verdict} in ${seconds} s; ${front.cuts} cuts, ${resumes} ResumeSession\n`,
  );
  front.close();
  await person.leave();
  return !verdict.startsWith('FAILED');
}

let isGood = true;
for (const [name, scenario] of Object.entries(scenarios)) {
  if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
  isGood = (await run(name, scenario)) && isGood;
}
process.exit(isGood ? 0 : 1);
