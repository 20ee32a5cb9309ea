import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** Where paceline itself lies, and what it ships. */
export const product = {
  root,
  configDirectory: join(root, 'config'),
  version: (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
  nodeNeeded: '24.12.0',
} as const;

/** The files of --config, else config/paceline.yaml below the working directory, else none. */
export function configFiles(given: readonly string[]): readonly string[] {
  if (given.length > 0) return given;
  const usual = join('config', 'paceline.yaml');
  return existsSync(resolve(usual)) ? [usual] : [];
}
