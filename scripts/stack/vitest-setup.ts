import { partNames } from './part.ts';
import { readParts } from './parts.ts';
import { chooseDir } from './places.ts';
import { startStack } from './stack.ts';

/**
 * Attaches to the stack or starts it, once for all test files; afterwards stops what it started.
 * PACELINE_STACK_PARTS=kafka,redis starts only these, for whoever runs a single file.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const dir = chooseDir();
  // The test processes attach to the same folder.
  process.env.PACELINE_STACK_DIR = dir;
  const tell = (line: string) => process.stdout.write(`stack: ${line}\n`);
  const named = process.env.PACELINE_STACK_PARTS;
  const stack = await startStack(named ? readParts(named.split(',')) : partNames, { dir, fresh: true, tell });
  return async () => await stack.stop();
}
