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
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // Integration tests start real processes and often wait: a little more than a machine of two cores.
    maxWorkers: 3,
    // The first goes first: its files take long, and the short ones fill what is left of the time.
    projects: [
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/integration/support/compiled-code.ts'],
        },
      },
      {
        extends: true,
        // A process for each file took as long as the tests in it. So they leave nothing behind in
        // theirs: no variable, no timer, no mock.
        test: { name: 'unit', include: ['test/{unit,property}/**/*.test.ts'], isolate: false },
      },
    ],
  },
});
