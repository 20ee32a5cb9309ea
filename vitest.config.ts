import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Trees of examples are tested on a copy of the repository (test/extending/apply.ts).
    exclude: ['test/**/*.stack.test.ts', 'test/extending/*/tree/**'],
    globalSetup: ['test/say-skipped.ts'],
    // chdb allows one open directory per process, and its child must not share a thread with others.
    pool: 'forks',
    // Vitest leaves a core to itself, which is half of a small machine; most tests compute, and few wait.
    maxWorkers: process.env.VITEST_MAX_WORKERS ?? '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
