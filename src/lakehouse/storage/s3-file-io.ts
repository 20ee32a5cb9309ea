import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { EngineError } from '../../model/errors.ts';
import type { FileIO, FileRange, ListedFile } from './file-io.ts';
import { Writing } from './writing.ts';

export interface S3Options {
  /** Null: Amazon's own, by region. */
  readonly endpoint: string | null;
  readonly region: string;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`: what most stores other than Amazon's want. */
  readonly isPathStyle: boolean;
  /** Null: found where the AWS tools find them (environment, files, the machine's role). */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
  /** Above this many bytes a file goes up in parts; parts have half of it. At least 10 MiB. */
  readonly multipartAboveBytes?: number;
}

/** S3 refuses parts below 5 MiB; one request of 64 MiB takes seconds on a slow line, and a retry takes them again. */
const multipartAboveBytesDefault = 64 * 1024 * 1024;
const partsAtOnceMax = 4;
/** As many keys as one DeleteObjects takes. */
const deletesAtOnceMax = 1_000;
const deletionsAtOnceMax = 4;
/** A request that waits longer is tried again, by the client's own count. */
const timeouts = { connectionTimeout: 5_000, requestTimeout: 60_000 };
const attemptsMax = 4;
/** Metadata that says whose bytes these are, also where ETags are not hashes (parts, encryption). */
const hashKey = 'paceline-sha256';

/** Files in an S3 bucket, under `s3://bucket/key` URIs (`s3a://` of Hadoop is the same place). */
export class S3FileIO implements FileIO {
  readonly #client: S3Client;
  readonly #multipartAboveBytes: number;

  constructor({ endpoint, region, isPathStyle, credentials, multipartAboveBytes }: S3Options) {
    this.#multipartAboveBytes = multipartAboveBytes ?? multipartAboveBytesDefault;
    this.#client = new S3Client({
      region,
      forcePathStyle: isPathStyle,
      maxAttempts: attemptsMax,
      requestHandler: timeouts,
      // Checksums of everything are asked for by Amazon's store alone; others refuse them.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...(endpoint === null ? {} : { endpoint }),
      ...(credentials === null ? {} : { credentials }),
    });
  }

  async create(uri: string, bytes: Uint8Array): Promise<void> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const target = { ...placeOf(uri), Metadata: { [hashKey]: sha256 } };
    try {
      if (bytes.length > this.#multipartAboveBytes) await this.#createInParts(target, bytes);
      else await this.#client.send(new PutObjectCommand({ ...target, Body: bytes, IfNoneMatch: '*' }));
    } catch (cause) {
      // Refused because it exists. It is ours when an answer was lost, also inside the client's own retries.
      if (isExisting(cause) && (await this.#holds(uri, sha256))) return;
      throw unavailable(`write ${uri}`, cause);
    }
  }

  async read(uri: string, range?: FileRange): Promise<Uint8Array> {
    const part = range === undefined ? {} : { Range: `bytes=${range.start}-${range.start + range.length - 1}` };
    return await guarded(`read ${uri}`, async () => {
      const { Body } = await this.#client.send(new GetObjectCommand({ ...placeOf(uri), ...part }));
      return Body === undefined ? new Uint8Array(0) : await Body.transformToByteArray();
    });
  }

  async delete(uri: string): Promise<void> {
    await guarded(`delete ${uri}`, () => this.#client.send(new DeleteObjectCommand(placeOf(uri))));
  }

  async deleteAll(uris: readonly string[]): Promise<void> {
    const byBucket = Map.groupBy(uris.map(placeOf), ({ Bucket }) => Bucket);
    const removals = new Writing(deletionsAtOnceMax);
    for (const [Bucket, places] of byBucket) {
      for (let from = 0; from < places.length; from += deletesAtOnceMax) {
        const Objects = places.slice(from, from + deletesAtOnceMax).map(({ Key }) => ({ Key }));
        await removals.start(() => this.#deleteSome(Bucket, Objects));
      }
    }
    await removals.end();
  }

  async *list(prefix: string): AsyncGenerator<ListedFile> {
    const { Bucket, Key } = placeOf(prefix);
    const folder = Key === '' || Key.endsWith('/') ? Key : `${Key}/`;
    const scheme = prefix.slice(0, prefix.indexOf('://'));
    for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
      const page = await guarded(`list ${prefix}`, () =>
        this.#client.send(new ListObjectsV2Command({ Bucket, Prefix: folder, ContinuationToken: token })),
      );
      for (const { Key: key, Size, LastModified } of page.Contents ?? []) {
        if (key === undefined || key.endsWith('/')) continue;
        yield { uri: `${scheme}://${Bucket}/${key}`, sizeBytes: Size ?? 0, modifiedMs: LastModified?.getTime() ?? 0 };
      }
      token = page.NextContinuationToken;
    }
  }

  close(): void {
    this.#client.destroy();
  }

  async #createInParts(
    target: Place & { readonly Metadata: Record<string, string> },
    bytes: Uint8Array,
  ): Promise<void> {
    const { Bucket, Key } = target;
    const { UploadId } = await this.#client.send(new CreateMultipartUploadCommand(target));
    try {
      const Parts = await this.#uploadParts({ Bucket, Key, UploadId }, bytes);
      const done = { Bucket, Key, UploadId, MultipartUpload: { Parts }, IfNoneMatch: '*' };
      await this.#client.send(new CompleteMultipartUploadCommand(done));
    } catch (error) {
      // Parts of an upload that never ends cost money for ever; a store that cannot even be told is told later by its own rule.
      await this.#client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => undefined);
      throw error;
    }
  }

  async #uploadParts(upload: Place & { readonly UploadId: string | undefined }, bytes: Uint8Array) {
    const size = Math.ceil(this.#multipartAboveBytes / 2);
    const count = Math.ceil(bytes.length / size);
    const parts: { ETag: string | undefined; PartNumber: number }[] = new Array(count);
    let next = 0;
    const work = async (): Promise<void> => {
      for (let at = next++; at < count; at = next++) {
        const Body = bytes.subarray(at * size, (at + 1) * size);
        const { ETag } = await this.#client.send(new UploadPartCommand({ ...upload, PartNumber: at + 1, Body }));
        parts[at] = { ETag, PartNumber: at + 1 };
      }
    };
    await Promise.all(Array.from({ length: Math.min(partsAtOnceMax, count) }, work));
    return parts;
  }

  async #deleteSome(Bucket: string, Objects: { readonly Key: string }[]): Promise<void> {
    await guarded(`delete ${Objects.length} objects of ${Bucket}`, async () => {
      const { Errors } = await this.#client.send(
        new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
      );
      const [refused] = Errors ?? [];
      if (refused !== undefined) throw new Error(`${refused.Key}: ${refused.Code} ${refused.Message}`);
    });
  }

  async #holds(uri: string, sha256: string): Promise<boolean> {
    const head = await guarded(`look at ${uri}`, () => this.#client.send(new HeadObjectCommand(placeOf(uri))));
    return head.Metadata?.[hashKey] === sha256;
  }
}

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

function placeOf(uri: string): Place {
  const parts = /^s3[an]?:\/\/([^/]+)\/?(.*)$/s.exec(uri);
  if (parts === null) throw new EngineError('SINK_REJECTED', `${uri} is not a place in an S3 store`);
  return { Bucket: parts[1], Key: parts[2] };
}

/** 412: the condition failed. 409: two conditional writes of one key at once; the other one may be ours too. */
function isExisting(cause: unknown): boolean {
  return cause instanceof S3ServiceException && [409, 412].includes(cause.$metadata.httpStatusCode ?? 0);
}

async function guarded<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unavailable(action, cause);
  }
}

/** What no later attempt mends: no key is found, the store does not take it, it may not do this, or there is no such bucket. */
function isRefusal(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  if (cause.name === 'CredentialsProviderError' || cause.name === 'NoSuchBucket') return true;
  return cause instanceof S3ServiceException && [401, 403].includes(cause.$metadata.httpStatusCode ?? 0);
}

/** The store's own code and words: they name keys and buckets, never a secret. */
function unavailable(action: string, cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  const { name, message } = cause instanceof Error ? cause : { name: 'Error', message: String(cause) };
  const status = cause instanceof S3ServiceException ? ` (HTTP ${cause.$metadata.httpStatusCode ?? '?'})` : '';
  const words = `cannot ${action}: ${name}${status}: ${message}`;
  if (!isRefusal(cause)) return new EngineError('SINK_UNAVAILABLE', words, { cause });
  return new EngineError('LAKE_REFUSED', `${words}; correct s3.*, the bucket, or the rights of the key`, { cause });
}
