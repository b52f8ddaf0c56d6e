import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Output {
  bytes: number;
  inputs: Record<string, { bytesInOutput: number }>;
  imports: { path: string; kind: string }[];
  entryPoint?: string;
}

const { outputs } = JSON.parse(
  readFileSync(new URL('../../dist/proxy.meta.json', import.meta.url), 'utf8'),
) as { outputs: Record<string, Output> };

/** A part of the bundle and all that is evaluated with it, without what it loads when needed. */
function closure(entryPoint: string): string[] {
  const first = Object.keys(outputs).find((name) =>
    outputs[name]?.entryPoint?.endsWith(entryPoint),
  );
  if (first === undefined) throw new Error(`${entryPoint} is not a part of the bundle`);
  const found = new Set([first]);
  for (const name of found) {
    for (const { path, kind } of outputs[name]?.imports ?? []) {
      if (kind === 'import-statement' && path in outputs) found.add(path);
    }
  }
  return [...found];
}

function kilobytes(...entryPoints: string[]): number {
  const parts = new Set(entryPoints.flatMap(closure));
  return [...parts].reduce((sum, name) => sum + (outputs[name]?.bytes ?? 0), 0) / 1000;
}

function inputs(parts: string[]): string[] {
  return parts.flatMap((name) => Object.keys(outputs[name]?.inputs ?? {}));
}

function packages(parts: string[]): Set<string> {
  const names = inputs(parts).map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  return new Set(names.filter((name) => name !== undefined));
}

/** What every start evaluates, in this order. */
const ENTRY = 'src/session/proxy-main.ts';
const API = 'src/session/ssm-session-api.ts';
const SESSION = 'src/session/ssh-proxy.ts';

describe('the bundle of devaccess-proxy', () => {
  it('has nothing of the command line, its prompts and the other services', () => {
    const all = packages(Object.keys(outputs));
    const forbidden = [
      /^@oclif/,
      /^@inquirer/,
      /^@aws-sdk\/client-(ec2$|sts|iam)/,
      /^(otpauth|ssh2|valibot|smol-toml|ssh-config|write-file-atomic|proper-lockfile|ansis)$/,
    ];
    expect([...all].filter((name) => forbidden.some((pattern) => pattern.test(name)))).toEqual([]);
    const ours = inputs(Object.keys(outputs)).filter((path) => path.startsWith('src/'));
    const foreign = /^src\/(commands|cli|credentials|hosts|iam|nodes|roles-anywhere|sandbox)\//;
    expect(ours.filter((path) => foreign.test(path))).toEqual([]);
  });

  it('evaluates no package before StartSession is on its way, for a profile with static keys', () => {
    expect([...packages([ENTRY, API].flatMap(closure))]).toEqual([]);
  });

  it('evaluates for the session nothing of the SDK', () => {
    const start = closure(SESSION);
    expect([...packages(start)]).toEqual(['ws']);
    // ws: the client alone. zlib is 1 ms that no session needs.
    const paths = inputs(start).filter((path) => /ws\/lib\/(websocket-server|stream)/.test(path));
    expect(paths).toEqual([]);
  });

  it('does not grow unnoticed', () => {
    // Before minification. A change that needs more says so here, with its reason.
    // 46: the flags of keys and jump hosts; endpoints and the reader of the AWS files, so that the
    // first connection opens for every profile before anything else is loaded.
    expect(kilobytes(ENTRY)).toBeLessThan(46);
    expect(kilobytes(ENTRY, API)).toBeLessThan(64);
    expect(kilobytes(ENTRY, API, SESSION)).toBeLessThan(270);
  });
});
