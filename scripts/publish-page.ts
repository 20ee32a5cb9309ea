import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/** Prose with its `{{name}}` places filled; a name that is no part stays as it is. */
export function fillPage(prose: string, parts: Readonly<Record<string, string>>): string {
  return prose.replaceAll(/\{\{([a-z]+)\}\}/g, (place, name: string) => parts[name]?.trimEnd() ?? place);
}

/** Writes a printed page; with `--check` it only compares, and a difference makes the process fail. */
export function publishPage(path: string, page: string): void {
  const isSame = existsSync(path) && readFileSync(path, 'utf8') === page;
  if (isSame) return;
  const name = relative(process.cwd(), path);
  if (!process.argv.includes('--check')) {
    writeFileSync(path, page);
    console.log(`wrote ${name}`);
    return;
  }
  console.error(`out of date: ${name}\nnext: run "npm run docs" and commit the result`);
  process.exitCode = 1;
}
