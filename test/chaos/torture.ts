import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { build } from 'esbuild';
import { editFile } from '../../src/platform/safe-file.ts';
import { parseIni, sectionValues } from '../../src/aws/files/ini-document.ts';

export interface TortureResult {
  /** Edits that writers finished. */
  edits: number;
  /** Edits that were given up with DA_FILE_BUSY. */
  busy: number;
  kills: number;
  foreignWrites: number;
  reads: number;
  /** The file as it was at the end. */
  text: string;
  /** What lies beside it. */
  leftOver: string[];
}

const KILL_EVERY_MS = 50;
const FOREIGN_EVERY_MS = 200;
const READ_EVERY_MS = 20;
/** What no writer is to touch. */
const BYSTANDERS = `# kept by hand
[bystander]   ; with a comment
aws_access_key_id=AKIABYSTANDER
aws_secret_access_key = a/b+c=#d

[foreign]
count = 0
`;

/**
 * Has many processes write a profile each in one credentials file, kills them at random moments and
 * starts them again, while another program rewrites the file in place without any lock, as the AWS
 * CLI and aws-mfa do.
 *
 * @throws Error as soon as a reader finds the file without what must be there
 */
export async function torture(options: {
  writers: number;
  seconds: number;
}): Promise<TortureResult> {
  const folder = mkdtempSync(join(tmpdir(), 'devaccess-torture-'));
  const aws = join(folder, '.aws');
  mkdirSync(aws, { mode: 0o700 });
  const file = join(aws, 'credentials');
  writeFileSync(file, BYSTANDERS, { mode: 0o600 });
  const program = join(folder, 'writer.mjs');
  await build({
    entryPoints: [join(process.cwd(), 'test', 'chaos', 'writer.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  try {
    return await run({ ...options, aws, file, program });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run({
  writers,
  seconds,
  aws,
  file,
  program,
}: {
  writers: number;
  seconds: number;
  aws: string;
  file: string;
  program: string;
}): Promise<TortureResult> {
  const counts = { edits: 0, busy: 0, kills: 0, foreignWrites: 0, reads: 0 };
  const children = new Map<string, ChildProcess>();
  const faults: string[] = [];
  /** In the end: those that have not written since everything became calm. */
  const waiting = new Set<string>();
  let isOver = false;
  const start = (profile: string): void => {
    const child = spawn(process.execPath, [program, file, profile], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.set(profile, child);
    child.stdout.on('data', (marks: Buffer) => {
      const given = marks.toString().replaceAll('.', '').length;
      counts.busy += given;
      counts.edits += marks.length - given;
      if (marks.length > given) waiting.delete(profile);
    });
    child.stderr.on('data', (text: Buffer) => faults.push(`${profile}: ${text.toString()}`));
    child.on('exit', () => !isOver && start(profile));
  };
  const profiles = Array.from({ length: writers }, (_, index) => `p${index}`);
  for (const profile of profiles) start(profile);

  const endMs = performance.now() + seconds * 1000;
  const every = async (milliseconds: number, what: () => void): Promise<void> => {
    while (performance.now() < endMs && faults.length === 0) {
      await after(milliseconds * (0.5 + Math.random()));
      what();
    }
  };
  const seen = new Set<string>();
  await Promise.all([
    every(KILL_EVERY_MS, () => {
      const victim = profiles[Math.floor(Math.random() * profiles.length)] ?? '';
      children.get(victim)?.kill('SIGKILL');
      counts.kills += 1;
    }),
    // In one turn of this process, so that the reader below never sees it half done.
    every(FOREIGN_EVERY_MS, () => {
      counts.foreignWrites += 1;
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, text.replace(/^count = .*$/m, `count = ${counts.foreignWrites}`));
    }),
    every(READ_EVERY_MS, () => {
      counts.reads += 1;
      const fault = faultOf(readFileSync(file, 'utf8'), seen);
      if (fault !== undefined) faults.push(fault);
    }),
  ]);

  // What the foreign program overwrote unseen, its writer writes again.
  for (const profile of profiles) waiting.add(profile);
  while (waiting.size > 0 && faults.length === 0) await after(READ_EVERY_MS);
  isOver = true;
  for (const child of children.values()) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  if (faults.length > 0) throw new Error(faults.slice(0, 3).join('\n'));
  // What the killed left behind is for the next one to clear away.
  await editFile(file, (text) => `${text}\n`);
  return { ...counts, text: readFileSync(file, 'utf8'), leftOver: readdirSync(aws) };
}

/** @param seen profiles that were there once, and so must be for ever */
function faultOf(text: string, seen: Set<string>): string | undefined {
  const document = parseIni(text);
  const [problem] = document.problems;
  if (problem !== undefined) return `line ${problem.line}: ${problem.message}`;
  if (!text.startsWith(BYSTANDERS.slice(0, BYSTANDERS.indexOf('count')))) {
    return 'what others wrote is not as it was';
  }
  for (const { name } of document.sections) {
    seen.add(name);
    const values = sectionValues(document, name);
    if (!/^p\d/.test(name)) continue;
    const isWhole =
      values?.size === 5 && values.get('aws_session_token') === values.get('aws_security_token');
    if (!isWhole) return `[${name}] is not whole`;
  }
  const lost = [...seen].find((name) => sectionValues(document, name) === undefined);
  return lost === undefined ? undefined : `[${lost}] was lost`;
}
