import * as z from 'zod';
import { optionalName, setting } from '../../../model/setting.ts';

/** A place with a scheme is a bucket of S3; `gs://…` would otherwise be a directory of that name. */
const lakePlace = () =>
  optionalName().refine(
    (place) => place === null || !/^[a-z][a-z0-9+.-]+:/i.test(place) || /^s3:\/\/[^/]/.test(place),
    {
      error: 'must be a directory or s3://bucket/key',
    },
  );

/** The raw log as a table. */
export const bronzeSection = z
  .strictObject({
    enabled: setting(z.boolean().default(true), {
      doc: 'Keep every record, as it came, in the Iceberg bronze table.',
      reload: 'restart',
    }),
    warehouse: setting(lakePlace(), {
      doc: 'Directory of the lake, or s3://bucket/key; instances that share a topic share it. Null: lake below the data directory.',
      reload: 'restart',
      path: true,
    }),
    catalog: setting(z.enum(['sqlite', 'postgres', 'rest']).default('sqlite'), {
      doc: 'Where the newest metadata is named: a file beside the warehouse (below the data directory where that is s3://), the database of postgres.url, or the catalog of iceberg_rest.url.',
      reload: 'restart',
    }),
    commit_interval_ms: setting(z.int().min(1_000).max(3_600_000).default(60_000), {
      doc: 'Longest time between Iceberg snapshots, ms. Shorter: fresher table, more small files.',
      reload: 'restart',
    }),
    commit_mb: setting(z.int().min(1).max(1_024).default(128), {
      doc: 'A snapshot is also committed when this much waits, MiB.',
      reload: 'restart',
    }),
  })
  .prefault({});

export type BronzeSettings = z.infer<typeof bronzeSection>;
