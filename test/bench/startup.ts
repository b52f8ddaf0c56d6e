/**
 * How long `devaccess-proxy` takes from its start to a signed StartSession request at the service,
 * and to the first byte of the far end's SSH banner: on loopback TLS and with round trips of 50 ms,
 * beside a bare `node -e 0`. The runs take turns, so that what else the machine does meets all alike.
 *
 *   node scripts/run-ts.js test/bench/startup.ts [--runs N] [--json FILE] [--only near,far,cold,peers]
 *                                 [--entry NAME=PATH]… [--peer NAME=COMMAND]…
 *
 * `--entry` measures other builds of the entry file side by side. `--peer` measures any command that
 * becomes an SSH connection ({target} and {port} are filled in); `aws` with the official
 * session-manager-plugin is one by itself where both are on PATH.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { startLocalAws } from '../../src/sandbox/local-aws.ts';
import { makeCertificates, slowPath, tlsFront } from '../integration/support/network-path.ts';
import { report, rowsOf, Samples } from './report.ts';

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '15' },
    json: { type: 'string' },
    only: { type: 'string' },
    entry: { type: 'string', multiple: true, default: [] },
    peer: { type: 'string', multiple: true, default: [] },
  },
});
const ROUND_TRIP_MS = 50;
const BARE = 'bare node';
/** Where this variable is set Node loads all its roots as it starts, whether they are needed or not. */
const WITH_ROOTS = 'NODE_EXTRA_CA_CERTS';
/** As it is set where the benchmark runs: often the bundle of the system. */
const WITH_SYSTEM_ROOTS = `${WITH_ROOTS} of here`;
const runs = Number(flags.runs);
const ownRoots = process.env[WITH_ROOTS];

const home = mkdtempSync(join(tmpdir(), 'devaccess-bench-'));
mkdirSync(join(home, '.aws'));
const certificates = makeCertificates(home);
let heardStartAtMs = 0;
let gatewayPort = 0;
const aws = await startLocalAws({
  stateDir: join(home, 'sandbox'),
  awsDir: join(home, 'user'),
  requireMfa: false,
  gatewayUrl: () => `wss://127.0.0.1:${gatewayPort}`,
});
const near = await tlsFront(
  certificates,
  () => aws.sandbox.port,
  (chunk) => {
    if (chunk.includes('AmazonSSM.StartSession')) heardStartAtMs = performance.now();
  },
);
const far = await slowPath(() => near.port, ROUND_TRIP_MS);

const { accessKeyId, secretAccessKey } = aws.sandbox.accessKey;
writeFileSync(
  join(home, '.aws', 'credentials'),
  `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
);
writeFileSync(join(home, '.aws', 'config'), '[default]\nregion = us-east-1\n');
const bastion = aws.hosts.hosts.find(({ name }) => name === 'bastion')?.instanceId ?? '';

interface Timing {
  startSessionMs: number;
  bannerMs: number;
}

function environment(port: number, cache: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: home,
    XDG_CACHE_HOME: cache,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: `https://127.0.0.1:${port}`,
    AWS_CA_BUNDLE: certificates.caFile,
  };
}

async function bareNode(env: NodeJS.ProcessEnv): Promise<number> {
  const startMs = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore', env }), 'exit');
  return performance.now() - startMs;
}

function proxy(
  entry: string,
  port: number,
  cache: string,
  extra: NodeJS.ProcessEnv = {},
): Promise<Timing> {
  const args = [entry, '--target', bastion, '--port', '22', '--region', 'us-east-1'];
  return timeToBanner(process.execPath, args, port, { ...environment(port, cache), ...extra });
}

function peer(command: string, port: number): Promise<Timing> {
  const filled = command.replaceAll('{target}', bastion).replaceAll('{port}', '22');
  // For programs in Go, too.
  const env = { ...environment(port, home), SSL_CERT_FILE: certificates.caFile };
  return timeToBanner('/bin/sh', ['-c', `exec ${filled}`], port, env);
}

async function timeToBanner(
  program: string,
  args: string[],
  port: number,
  env: NodeJS.ProcessEnv,
): Promise<Timing> {
  gatewayPort = port;
  heardStartAtMs = 0;
  const startMs = performance.now();
  const child = spawn(program, args, {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const finished = once(child, 'exit');
  const isThere = await Promise.race([banner(child.stdout), finished.then(() => false)]);
  if (!isThere) throw new Error(`${program} ${args.join(' ')} ended without a banner`);
  const bannerAtMs = performance.now();
  // Peers have children of their own.
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  await finished;
  return { startSessionMs: heardStartAtMs - startMs, bannerMs: bannerAtMs - startMs };
}

/** Waits for the far end's first bytes; the official plugin prints a line of its own before. */
async function banner(stdout: Readable): Promise<boolean> {
  let text = '';
  for await (const chunk of stdout) {
    text += String(chunk);
    if (text.includes('SSH-2.0-')) return true;
  }
  return false;
}

const OFFICIAL =
  'aws ssm start-session --target {target} --document-name AWS-StartSSHSession --parameters portNumber={port}';
const isOnPath = (tool: string): boolean =>
  spawnSync('/bin/sh', ['-c', `command -v ${tool}`]).status === 0;
const peers = new Map<string, string>([
  ...(isOnPath('aws') && isOnPath('session-manager-plugin')
    ? [['aws with session-manager-plugin', OFFICIAL] as [string, string]]
    : []),
  ...flags.peer.map((text): [string, string] => {
    const at = text.indexOf('=');
    return [text.slice(0, at), text.slice(at + 1)];
  }),
]);

const entries = new Map<string, string>([
  ['devaccess-proxy', join(process.cwd(), 'bin', 'devaccess-proxy.js')],
  ...flags.entry.map((text): [string, string] => {
    const [name = '', path = ''] = text.split('=');
    return [name, resolve(path)];
  }),
]);

/** Environments in which Node loads roots at its start, by name. */
const rooted = new Map([
  [WITH_ROOTS, { [WITH_ROOTS]: certificates.caFile }],
  ...(ownRoots === undefined ? [] : [[WITH_SYSTEM_ROOTS, { [WITH_ROOTS]: ownRoots }] as const]),
]);
const samples = new Samples();
const only = flags.only?.split(',');
const isWanted = (name: string): boolean => only === undefined || only.includes(name);

for (let run = -1; run < runs; run += 1) {
  // The first round warms what can be warm, and does not count.
  const keep = (name: string, ms: number): void => {
    if (run >= 0) samples.record(name, ms);
  };
  const env = environment(near.port, home);
  keep(BARE, await bareNode(env));
  for (const [name, roots] of rooted) {
    keep(`${BARE}, ${name}`, await bareNode({ ...env, ...roots }));
  }
  for (const [name, entry] of entries) {
    const cache = join(home, `cache-${name}`);
    if (isWanted('near')) {
      const timing = await proxy(entry, near.port, cache);
      keep(`${name}: StartSession received`, timing.startSessionMs);
      keep(`${name}: banner`, timing.bannerMs);
      for (const [kind, roots] of rooted) {
        const timing = await proxy(entry, near.port, cache, roots);
        keep(`${name}: StartSession received, ${kind}`, timing.startSessionMs);
        keep(`${name}: banner, ${kind}`, timing.bannerMs);
      }
    }
    if (isWanted('far')) {
      const timing = await proxy(entry, far.port, cache);
      keep(
        `${name}: StartSession received, ${ROUND_TRIP_MS} ms round trips`,
        timing.startSessionMs,
      );
      keep(`${name}: banner, ${ROUND_TRIP_MS} ms round trips`, timing.bannerMs);
    }
    if (isWanted('cold')) {
      const fresh = mkdtempSync(join(home, 'cold-'));
      const timing = await proxy(entry, near.port, fresh);
      keep(`${name}: StartSession received, no code cache`, timing.startSessionMs);
    }
  }
  for (const [name, command] of isWanted('peers') ? peers : []) {
    keep(`${name}: banner`, (await peer(command, near.port)).bannerMs);
    const timing = await peer(command, far.port);
    keep(`${name}: banner, ${ROUND_TRIP_MS} ms round trips`, timing.bannerMs);
  }
}

await near.close();
await far.close();
await aws.close();
rmSync(home, { recursive: true, force: true });

// Each beside a bare node in the same environment.
const rows = rowsOf(samples, (name) => {
  if (name === BARE) return undefined;
  const kind = [...rooted.keys()].find((each) => name.endsWith(`, ${each}`));
  return kind === undefined || name.startsWith(BARE) ? BARE : `${BARE}, ${kind}`;
});
report('Start-up, beside bare node', 'ms', {
  rows,
  samples,
  file: flags.json,
  facts: { runs, roundTripMs: ROUND_TRIP_MS },
});
