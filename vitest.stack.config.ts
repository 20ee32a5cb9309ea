import { defineConfig } from 'vitest/config';

/** The tests that need servers: `npm run test:stack`. */
export default defineConfig({
  test: {
    include: ['test/**/*.stack.test.ts'],
    globalSetup: ['scripts/stack/vitest-setup.ts'],
    pool: 'forks',
    // Some tests kill servers that others use, so files take turns.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
