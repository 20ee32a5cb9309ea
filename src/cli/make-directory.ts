import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { EngineError } from '../model/errors.ts';
import { fileTrouble } from '../model/file-trouble.ts';

/**
 * Makes a directory that the caller named, with those above it, mode 0700. One at a time: Node's own
 * recursive way never ends where the system says that a parent, which is there, is not (/proc).
 * Throws USAGE which says why.
 */
export function makeDirectory(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const directory of missing) {
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new EngineError(
        'USAGE',
        `cannot make the directory ${directory}: ${fileTrouble(cause, dirname(directory))}`,
        { cause },
      );
    }
  }
}
