import { defineConfig } from 'vitest/config';

/** Names of tests that `npm test` leaves to `npm run test:long`: each takes more than five seconds. */
export const long = 'test/**/*.long.test.ts';
/** Those that need servers: `npm run test:stack`. */
const stack = 'test/**/*.stack.test.ts';
/** Trees of examples are tested on a copy of the repository (test/extending/apply.ts). */
const trees = 'test/extending/*/tree/**';

export const shared = {
  // chdb allows one open directory per process, and its child must not share a thread with others.
  pool: 'forks',
  // Vitest leaves a core to itself, which is half of a small machine; most tests compute, and few wait.
  maxWorkers: process.env.VITEST_MAX_WORKERS ?? '100%',
  testTimeout: 60_000,
  hookTimeout: 60_000,
} as const;

export default defineConfig({
  test: {
    ...shared,
    // Loading the house anew for each file was a third of the time. Files share a process, so none leaves anything
    // behind in it: mocks are put back, servers closed.
    isolate: false,
    restoreMocks: true,
    globalSetup: ['test/say-skipped.ts'],
    include: ['test/**/*.test.ts'],
    exclude: [stack, long, trees],
  },
});
