// Runs a TypeScript program of test/: `node scripts/run-ts.js test/fuzz/fuzz.ts [its arguments]`. It
// is bundled first, as the oldest Node supported does not read TypeScript.
import { mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [entry] = process.argv.splice(2, 1);
// As deep as test/integration/support, whose files find the built programs by a relative path.
const folder = join(root, 'node_modules', '.cache', 'devaccess');
mkdirSync(folder, { recursive: true });
const outfile = join(folder, `${basename(entry, '.ts')}.mjs`);
await build({
  entryPoints: [join(root, entry)],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  loader: { '.sh': 'text', '.ps1': 'text' },
  logLevel: 'warning',
});
await import(pathToFileURL(outfile).href);
