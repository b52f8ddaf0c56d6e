// Bundles src into dist: cli.cjs (`devaccess`) and proxy.cjs (`devaccess-proxy`). `npm run build`.
import { rm } from 'node:fs/promises';
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
};

await rm('dist', { recursive: true, force: true });
await build({
  ...shared,
  entryPoints: { cli: 'src/commands/commands.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  external: ['@oclif/core', 'ssh2', 'cpu-features'],
});
await build({
  ...shared,
  entryPoints: { proxy: 'src/session/proxy-main.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  // Left as import(), the SDK's lazy loads could not be found beside the bundle.
  supported: { 'dynamic-import': false },
});
