import { randomUUID } from 'node:crypto';
import { EngineError } from '../../model/errors.ts';
import { type CheckResult, failed, ok } from '../../model/finding.ts';
import { isS3, openStorage } from '../open-storage.ts';
import type { Config } from '../settings.ts';

/** The settings that name places in the object store. */
export function s3Places({ bronze }: Config): string[] {
  return [bronze.enabled ? bronze.warehouse : null].filter((place) => place !== null && isS3(place)) as string[];
}

/** Makes, reads and removes a small object in each place: all that the engine needs to be allowed to do there. */
export async function checkS3(config: Config): Promise<CheckResult[]> {
  return await Promise.all(s3Places(config).map((place) => checkPlace(place, config)));
}

async function checkPlace(place: string, config: Config): Promise<CheckResult> {
  const id = 's3.writable';
  try {
    const { io, root, close } = openStorage(place, config);
    try {
      const probe = `${root}/.paceline-doctor-${randomUUID()}`;
      await io.create(probe, Buffer.from('doctor'));
      await io.read(probe);
      await io.delete(probe);
      return ok(id, place);
    } finally {
      close();
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const fix =
      'Correct s3.*, the name of the bucket, or the rights of the key: it must put, get, list and delete there.';
    return failed(id, error.message, fix);
  }
}
