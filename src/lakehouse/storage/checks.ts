import { randomUUID } from 'node:crypto';
import { EngineError } from '../../model/errors.ts';
import { type CheckResult, failed, ok } from '../../model/finding.ts';
import type { FileIO } from './file-io.ts';

/** Makes, reads and removes a small object in a place: all that the engine needs to be allowed to do there. */
export async function checkPlace(
  place: string,
  open: () => Promise<{ readonly io: FileIO; readonly root: string; close(): void }>,
): Promise<CheckResult> {
  const id = 's3.writable';
  try {
    const { io, root, close } = await open();
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
