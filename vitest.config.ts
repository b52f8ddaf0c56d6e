import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** Scripts for other machines are imported as text, as scripts/build.js does it. */
const scriptsAsText = {
  name: 'scripts-as-text',
  load: (id: string) =>
    /\.(sh|ps1)$/.test(id)
      ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))};`
      : undefined,
};

export default defineConfig({
  plugins: [scriptsAsText],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/integration/support/compiled-code.ts'],
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // Integration tests start real processes and often wait: a little more than a machine of two cores.
    maxWorkers: 3,
  },
});
