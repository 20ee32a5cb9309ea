import * as z from 'zod';
import { address, filePath, optionalName, secretText, setting } from '../../model/setting.ts';

/** Where the engine keeps what it must not lose. */
export const redisSection = z
  .strictObject({
    url: setting(secretText(), {
      doc: 'State store, as redis://[user:password@]host:port[/db], rediss:// for TLS. Null: SQLite in the data directory.',
      reload: 'restart',
      secret: true,
    }),
    kind: setting(z.enum(['single', 'sentinel', 'cluster']).default('single'), {
      doc: 'What stands behind the url: one server, a Sentinel, or a node of a Cluster.',
      reload: 'restart',
    }),
    sentinel_master: setting(optionalName(), {
      doc: 'Name of the master that the Sentinel watches.',
      reload: 'restart',
    }),
    nodes: setting(z.array(address()).default([]), {
      doc: 'Further Sentinels or Cluster nodes to ask, as host:port.',
      reload: 'restart',
    }),
    ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
    key_prefix: setting(
      z
        .string()
        .regex(/^[A-Za-z0-9_.:-]{0,64}$/)
        .default('paceline:'),
      {
        doc: 'Begins every key, so that several engines may share a server.',
        reload: 'restart',
      },
    ),
    cache_url: setting(secretText(), {
      doc: 'Redis for sessions, rate limits and query results. It may evict; the state store must not, so they are two.',
      reload: 'restart',
      secret: true,
    }),
  })
  .prefault({});

export const snapshotsSection = z
  .strictObject({
    directory: setting(optionalName(), {
      doc: 'Where snapshots of the state in Redis are kept. Null: snapshots below the data directory.',
      reload: 'restart',
      path: true,
    }),
    interval_ms: setting(z.int().min(1_000).max(3_600_000).default(60_000), {
      doc: 'Time between two snapshots of a lane, ms.',
      reload: 'restart',
    }),
  })
  .prefault({});
