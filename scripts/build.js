// Bundles src into dist: cli.cjs (`devaccess`) and proxy.cjs (`devaccess-proxy`). `npm run build`.
// Finished files are renamed into place, so that a running build never takes them from anybody.
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const shared = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  mainFields: ['module', 'main'],
  minify: true,
  metafile: true,
  logLevel: 'warning',
  legalComments: 'none',
  outExtension: { '.js': '.cjs' },
};

await mkdir('dist', { recursive: true });
const outdir = await mkdtemp(join('dist', 'build-'));
try {
  await build({
    ...shared,
    entryPoints: { cli: 'src/commands/commands.ts' },
    outdir,
    external: ['@oclif/core', 'ssh2', 'cpu-features'],
  });
  await build({
    ...shared,
    entryPoints: { proxy: 'src/session/proxy-main.ts' },
    outdir,
    // Left as import(), the SDK's lazy loads could not be found beside the bundle.
    supported: { 'dynamic-import': false },
  });
  for (const file of await readdir(outdir)) await rename(join(outdir, file), join('dist', file));
} finally {
  await rm(outdir, { recursive: true, force: true });
}
