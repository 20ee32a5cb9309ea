import type { FileIO } from '../../lakehouse/storage/file-io.ts';
import { LocalFileIO, localUri } from '../../lakehouse/storage/local-file-io.ts';
import { EngineError } from '../../model/errors.ts';
import type { Config } from '../settings.ts';

/** A place for files, opened. */
interface Storage {
  readonly io: FileIO;
  /** URI of the place itself, without a slash at its end. */
  readonly root: string;
  close(): void;
}

export function isS3(place: string): boolean {
  return place.startsWith('s3://');
}

/** Opens what a setting names: an s3:// place, else a folder of this machine. The client of S3 is large, and loaded for who has one. */
export async function openStorage(place: string, { s3 }: Pick<Config, 's3'>): Promise<Storage> {
  if (!isS3(place)) return { io: new LocalFileIO(), root: localUri(place), close: () => undefined };
  const { endpoint, region, path_style: isPathStyle, access_key_id, secret_access_key } = s3;
  if ((access_key_id === null) !== (secret_access_key === null))
    throw new EngineError(
      'CONFIG_INVALID',
      's3.access_key_id and s3.secret_access_key go together: set both or neither',
    );
  const credentials =
    access_key_id === null || secret_access_key === null
      ? null
      : { accessKeyId: access_key_id, secretAccessKey: secret_access_key };
  const { S3FileIO } = await import('../../lakehouse/storage/s3-file-io.ts');
  const io = new S3FileIO({ endpoint, region, isPathStyle, credentials });
  return { io, root: place.replace(/\/+$/, ''), close: () => io.close() };
}
