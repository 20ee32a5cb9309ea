import * as z from 'zod';
import { filePath, httpUrl, optionalName, portNumber, secretText, setting } from '../setting.ts';

/** Where results go. */
export const clickhouseSection = z
  .strictObject({
    url: setting(
      z
        .url({ protocol: /^https?$/ })
        .nullable()
        .default(null),
      {
        doc: 'ClickHouse server. Null: the embedded one.',
        reload: 'restart',
      },
    ),
    username: setting(z.string().min(1).default('default'), { doc: 'User of that server.', reload: 'restart' }),
    password: setting(secretText(), { doc: 'Its password.', reload: 'restart', secret: true }),
    database: setting(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/)
        .default('ads'),
      {
        doc: 'Database that holds our tables.',
        reload: 'restart',
      },
    ),
    ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
    cluster: setting(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/)
        .nullable()
        .default(null),
      {
        doc: 'Cluster on which tables are made replicated and distributed. Null: one server.',
        reload: 'restart',
      },
    ),
    roles: setting(z.boolean().default(true), {
      doc: 'The migration makes roles and a row policy per tenant. False where its user may not manage access.',
      reload: 'restart',
    }),
    buckets: setting(z.int().min(1).max(64).default(8), {
      doc: 'Organization buckets of the partitions of tables made new on a server. The embedded one always has 1.',
      reload: 'restart',
    }),
    port: setting(portNumber().default(8_123), {
      doc: "Loopback port of the embedded ClickHouse's HTTP protocol; 0 takes a free one.",
      reload: 'restart',
    }),
  })
  .prefault({});

export const alertmanagerSection = z
  .strictObject({
    urls: setting(z.array(httpUrl()).default([]), {
      doc: 'Alertmanagers that receive firing and resolved alerts; each gets all.',
      reload: 'restart',
    }),
    username: setting(optionalName(), {
      doc: 'Name for basic authentication.',
      reload: 'restart',
    }),
    password: setting(secretText(), { doc: 'Password for it.', reload: 'restart', secret: true }),
    ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
    external_url: setting(
      z
        .url({ protocol: /^https?$/ })
        .nullable()
        .default(null),
      {
        doc: 'Where people look an alert up; becomes its generatorURL.',
        reload: 'restart',
      },
    ),
  })
  .prefault({});

export const bronzeSection = z
  .strictObject({
    enabled: setting(z.boolean().default(true), {
      doc: 'Keep every record, as it came, in the Iceberg bronze table.',
      reload: 'restart',
    }),
    warehouse: setting(optionalName(), {
      doc: 'Directory of the lake, or s3://bucket/key; instances that share a topic share it. Null: lake below the data directory.',
      reload: 'restart',
      path: true,
    }),
    catalog: setting(z.enum(['sqlite', 'postgres']).default('sqlite'), {
      doc: 'Where the newest metadata is named: a file beside the warehouse (below the data directory where that is s3://), or the database of postgres.url.',
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
