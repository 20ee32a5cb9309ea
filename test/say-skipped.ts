import { globSync } from 'node:fs';

/** Tells at the end of a whole run which suites wait for servers, so that a green line never says too much. */
export default function setup({ vitest }: { vitest: { filenamePattern?: string[] } }): (() => void) | undefined {
  // Whoever names files knows what was left out.
  if ((vitest.filenamePattern ?? []).length > 0) return undefined;
  return () => {
    const suites = globSync('test/**/*.stack.test.ts').sort();
    const lines = suites.map((suite) => `  ${suite}`).join('\n');
    process.stdout.write(
      `\nSKIPPED here, ${suites.length} suites that need servers (run them: npm run test:stack):\n${lines}\n`,
    );
  };
}
