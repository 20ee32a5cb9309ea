import { parseArgs } from 'node:util';
import { runCommand } from './stack/command.ts';
import { StackError } from './stack/stack-error.ts';

/** The local stack: `npm run stack -- help` tells its words. */
try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dir: { type: 'string' },
      install: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      detach: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      port: { type: 'string', multiple: true, default: [] },
      parts: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  process.exitCode = await runCommand(positionals[0] ?? 'start', positionals.slice(1), values);
} catch (error) {
  const isUsage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  if (!(error instanceof StackError || isUsage)) throw error;
  process.stderr.write(`stack: ${(error as Error).message}\n`);
  process.exitCode = isUsage ? 64 : 1;
}
