import { globSync } from 'node:fs';

/** What a run of `npm test` leaves to other commands. */
const others = [
  { suites: 'test/**/*.long.test.ts', why: 'take their time', command: 'npm run test:long' },
  { suites: 'test/**/*.stack.test.ts', why: 'need servers', command: 'npm run test:stack' },
];

/** Tells at the end of a whole run which suites it left out, so that a green line never says too much. */
export default function setup({ vitest }: { vitest: { filenamePattern?: string[] } }): (() => void) | undefined {
  // Whoever names files knows what was left out.
  if ((vitest.filenamePattern ?? []).length > 0) return undefined;
  return () => {
    for (const { suites, why, command } of others) {
      const found = globSync(suites).sort();
      const lines = found.map((suite) => `  ${suite}`).join('\n');
      process.stdout.write(`\nSKIPPED here, ${found.length} suites that ${why} (run them: ${command}):\n${lines}\n`);
    }
  };
}
