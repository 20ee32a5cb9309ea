import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { PartName } from './part.ts';

/** The scratch folder: the argument, else PACELINE_STACK_DIR, else a folder under the machine's own. */
export function chooseDir(asked?: string): string {
  return resolve(asked ?? process.env.PACELINE_STACK_DIR ?? join(tmpdir(), 'paceline-stack'));
}

export const downloadsDir = (dir: string) => join(dir, 'downloads');
export const kafkaLibsDir = (dir: string) => join(downloadsDir(dir), 'kafka', 'libs');
export const registryDir = (dir: string) => join(downloadsDir(dir), 'registry');
export const icebergLibsDir = (dir: string) => join(downloadsDir(dir), 'iceberg', 'libs');
export const s3Gateway = (dir: string) => join(downloadsDir(dir), 'bin', 'versitygw');
export const venvDir = (dir: string) => join(downloadsDir(dir), 'venv');
export const dataDir = (dir: string, part: PartName) => join(dir, 'data', part);
export const logPath = (dir: string, part: PartName) => join(dir, 'logs', `${part}.log`);
