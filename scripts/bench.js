// Runs a measurement of test/bench: `node scripts/bench.js startup [its arguments]`. Its TypeScript
// is bundled first, as the oldest Node supported does not read it.
import { mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [name = 'startup'] = process.argv.splice(2, 1);
// Inside the project, so that the packages left outside the bundle are found.
const folder = mkdtempSync(join(root, 'node_modules', '.devaccess-bench-'));
try {
  await build({
    entryPoints: [join(root, 'test', 'bench', `${name}.ts`)],
    outfile: join(folder, `${name}.mjs`),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  await import(pathToFileURL(join(folder, `${name}.mjs`)).href);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
