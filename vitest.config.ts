import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/integration/support/compiled-code.ts'],
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // Integration tests start real processes; the machine has few cores.
    maxWorkers: 2,
  },
});
