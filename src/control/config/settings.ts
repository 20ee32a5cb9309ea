import * as z from 'zod';
import { eventsTopic } from '../../model/ids.ts';
import { limits } from '../../model/limits.ts';

/** What the engine does with a changed value: takes it at once, or names it and waits for a restart. */
export type Reload = 'live' | 'restart';

export interface SettingMeta {
  /** One sentence; docs/config.md is printed from it. */
  readonly doc: string;
  readonly reload: Reload;
  /** Shown as `***` everywhere; a file may hold only a reference to it. */
  readonly secret?: true;
  /** A relative path in a file is taken from that file's directory. */
  readonly path?: true;
}

/** Meta data of every field of `configSchema`. */
export const settingMeta = z.registry<SettingMeta>();

function setting<T extends z.ZodType>(schema: T, meta: SettingMeta): T {
  settingMeta.add(schema, meta);
  return schema;
}

const portNumber = () => z.int().min(0).max(65_535);
const secretText = () => z.string().min(1).nullable().default(null);
const filePath = () => z.string().min(1).nullable().default(null);

/**
 * Every setting of the process, described once: type, default, bounds, meaning, reload class. Nothing
 * here can change an answer: what decides answers (rules, zones, sources) travels in the log as plans.
 */
export const configSchema = z.strictObject({
  data_directory: setting(z.string().min(1).default('data'), {
    doc: 'Where the engine keeps its log, state and tables. One engine per directory.',
    reload: 'restart',
    path: true,
  }),
  log: z
    .strictObject({
      topic: setting(
        z
          .string()
          .regex(/^[A-Za-z0-9._-]{1,249}$/)
          .default(eventsTopic),
        { doc: 'Topic of the campaign events.', reload: 'restart' },
      ),
      partitions: setting(z.int().min(1).max(1_024).default(8), {
        doc: 'Partitions of a log that is made new. An existing log keeps its own number for ever.',
        reload: 'restart',
      }),
      encoding: setting(z.enum(['binary', 'jsonl']).default('binary'), {
        doc: 'How a log that is made new stores records: checksummed frames around Avro, or one JSON object a line.',
        reload: 'restart',
      }),
      mode: setting(z.enum(['live', 'replayed']).default('live'), {
        doc: 'live: the log stamps each record when it is appended. replayed: records bring their original log time.',
        reload: 'restart',
      }),
    })
    .prefault({}),
  kafka: z
    .strictObject({
      brokers: setting(z.array(z.string().regex(/^[^\s:,/]+:\d{1,5}$/, 'must be host:port')).default([]), {
        doc: 'Brokers to begin with, as host:port. Empty: the log in the data directory is read instead.',
        reload: 'restart',
      }),
      group_id: setting(z.string().min(1).max(200).default('paceline'), {
        doc: 'Consumer group of the campaign lanes. Bronze uses the same name followed by -bronze.',
        reload: 'restart',
      }),
      client_id: setting(z.string().min(1).max(200).default('paceline'), {
        doc: 'Name under which the brokers see this process.',
        reload: 'restart',
      }),
      session_timeout_ms: setting(z.int().min(1_000).max(300_000).default(10_000), {
        doc: 'After this long without a heartbeat the group gives our lanes to others, ms.',
        reload: 'restart',
      }),
      tls: z
        .strictObject({
          enabled: setting(z.boolean().default(false), { doc: 'Talk TLS to the brokers.', reload: 'restart' }),
          ca_file: setting(filePath(), {
            doc: "PEM file of the authorities to trust. Null: the system's.",
            reload: 'restart',
            path: true,
          }),
          cert_file: setting(filePath(), {
            doc: 'PEM file of our certificate, where the brokers ask for one.',
            reload: 'restart',
            path: true,
          }),
          key_file: setting(filePath(), {
            doc: 'PEM file of the key to that certificate.',
            reload: 'restart',
            path: true,
          }),
        })
        .prefault({}),
      sasl: z
        .strictObject({
          mechanism: setting(
            z.enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer']).default('none'),
            { doc: 'How we prove who we are to the brokers.', reload: 'restart' },
          ),
          username: setting(z.string().min(1).nullable().default(null), {
            doc: 'Name for plain and scram.',
            reload: 'restart',
          }),
          password: setting(secretText(), { doc: 'Password for plain and scram.', reload: 'restart', secret: true }),
          token_file: setting(filePath(), {
            doc: 'File that holds the bearer token of oauthbearer; read again for each connection.',
            reload: 'restart',
            path: true,
          }),
        })
        .prefault({}),
    })
    .prefault({}),
  registry: z
    .strictObject({
      url: setting(
        z
          .url({ protocol: /^https?$/ })
          .nullable()
          .default(null),
        {
          doc: 'Schema registry with the Confluent API. Null: the schemas released with paceline, by their own ids.',
          reload: 'restart',
        },
      ),
      username: setting(z.string().min(1).nullable().default(null), {
        doc: 'Name for basic authentication.',
        reload: 'restart',
      }),
      password: setting(secretText(), { doc: 'Password for it.', reload: 'restart', secret: true }),
      ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
    })
    .prefault({}),
  redis: z
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
      sentinel_master: setting(z.string().min(1).nullable().default(null), {
        doc: 'Name of the master that the Sentinel watches.',
        reload: 'restart',
      }),
      nodes: setting(z.array(z.string().regex(/^[^\s:,/]+:\d{1,5}$/, 'must be host:port')).default([]), {
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
    .prefault({}),
  snapshots: z
    .strictObject({
      directory: setting(z.string().min(1).nullable().default(null), {
        doc: 'Where snapshots of the state in Redis are kept. Null: snapshots below the data directory.',
        reload: 'restart',
        path: true,
      }),
      interval_ms: setting(z.int().min(1_000).max(3_600_000).default(60_000), {
        doc: 'Time between two snapshots of a lane, ms.',
        reload: 'restart',
      }),
    })
    .prefault({}),
  postgres: z
    .strictObject({
      url: setting(secretText(), {
        doc: 'Database of organizations, pipelines, rules and the audit log, as postgres://user:password@host:port/name. Null: the files alone.',
        reload: 'restart',
        secret: true,
      }),
      ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
      poll_interval_ms: setting(z.int().min(500).max(600_000).default(10_000), {
        doc: 'Edits are notified at once; should a notification get lost, they are found after this long, ms.',
        reload: 'restart',
      }),
    })
    .prefault({}),
  alertmanager: z
    .strictObject({
      urls: setting(z.array(z.url({ protocol: /^https?$/ })).default([]), {
        doc: 'Alertmanagers that receive firing and resolved alerts; each gets all.',
        reload: 'restart',
      }),
      username: setting(z.string().min(1).nullable().default(null), {
        doc: 'Name for basic authentication.',
        reload: 'restart',
      }),
      password: setting(secretText(), { doc: 'Password for it.', reload: 'restart', secret: true }),
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
    .prefault({}),
  http: z
    .strictObject({
      host: setting(z.string().min(1).default('127.0.0.1'), {
        doc: 'Address on which metrics, health and status are served. Loopback unless you say otherwise.',
        reload: 'restart',
      }),
      port: setting(portNumber().default(8_686), { doc: 'Its port; 0 takes a free one.', reload: 'restart' }),
      token: setting(z.string().min(16).nullable().default(null), {
        doc: 'Bearer token of POST /-/reload. Null: a random one is written to engine.json in the data directory.',
        reload: 'live',
        secret: true,
      }),
    })
    .prefault({}),
  clickhouse: z
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
          .default('default'),
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
      buckets: setting(z.int().min(1).max(64).default(8), {
        doc: 'Organization buckets of the partitions of tables made new on a server. The embedded one always has 1.',
        reload: 'restart',
      }),
      port: setting(portNumber().default(8_123), {
        doc: "Loopback port of the embedded ClickHouse's HTTP protocol; 0 takes a free one.",
        reload: 'restart',
      }),
    })
    .prefault({}),
  commit: z
    .strictObject({
      interval_ms: setting(z.int().min(20).max(60_000).default(limits.commitIntervalMs), {
        doc: 'Longest time between commits of a lane, ms. Shorter: fresher tables, more parts to merge.',
        reload: 'restart',
      }),
    })
    .prefault({}),
  bronze: z
    .strictObject({
      enabled: setting(z.boolean().default(true), {
        doc: 'Keep every record, as it came, in the Iceberg bronze table.',
        reload: 'restart',
      }),
      warehouse: setting(z.string().min(1).nullable().default(null), {
        doc: 'Directory of the table; instances that share a topic share it. Null: lake below the data directory.',
        reload: 'restart',
        path: true,
      }),
      catalog: setting(z.enum(['sqlite', 'postgres']).default('sqlite'), {
        doc: 'Where the newest metadata is named: a file beside the warehouse, or the database of postgres.url.',
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
    .prefault({}),
  logging: z
    .strictObject({
      level: setting(z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'), {
        doc: 'Least severe log lines that are written.',
        reload: 'live',
      }),
    })
    .prefault({}),
  limits: z
    .strictObject({
      undelivered_mb: setting(
        z
          .int()
          .min(8)
          .max(4_096)
          .default(limits.undeliveredBytesMax / 1_048_576),
        {
          doc: 'Committed output that may wait for a slow sink, MiB, for the whole engine. At the bound, reading pauses.',
          reload: 'restart',
        },
      ),
    })
    .prefault({}),
  plans: z
    .strictObject({
      organizations: setting(z.string().min(1).default('organizations.yaml'), {
        doc: 'File that lists organizations with their zones, sources and campaigns. Read by apply, never by a running engine.',
        reload: 'restart',
        path: true,
      }),
      rules: setting(z.string().min(1).default('rules'), {
        doc: 'Directory of rule files. Read by apply, never by a running engine.',
        reload: 'restart',
        path: true,
      }),
    })
    .prefault({}),
  shutdown: z
    .strictObject({
      deadline_ms: setting(z.int().min(1_000).max(600_000).default(20_000), {
        doc: 'Time after SIGTERM for the last commit and for the sinks, ms. What is left is delivered at the next start.',
        reload: 'live',
      }),
    })
    .prefault({}),
});

export type Config = z.infer<typeof configSchema>;
/** What a file or a caller may leave out. */
export type ConfigInput = z.input<typeof configSchema>;

export interface SettingDescription extends SettingMeta {
  /** Dotted, as in `http.port`. */
  readonly name: string;
  readonly keys: readonly string[];
  readonly type: string;
  readonly bounds: string;
  readonly defaultValue: unknown;
}

/** All settings as a flat list in the order of the schema: for the reference, masks and diffs. */
export const settings: readonly SettingDescription[] = describeObject(configSchema, []);

function describeObject(schema: z.ZodType, path: readonly string[]): SettingDescription[] {
  const shape = (unwrap(schema) as z.ZodObject).shape as Record<string, z.ZodType>;
  return Object.entries(shape).flatMap(([name, field]) => {
    const parts = [...path, name];
    const meta = settingMeta.get(field);
    return meta === undefined ? describeObject(field, parts) : [describeSetting(field, meta, parts)];
  });
}

function describeSetting(field: z.ZodType, meta: SettingMeta, parts: readonly string[]): SettingDescription {
  const json = z.toJSONSchema(field, { io: 'input' }) as JsonField;
  return {
    ...meta,
    name: parts.join('.'),
    keys: parts,
    type: typeOf(json),
    bounds: boundsOf(json),
    defaultValue: field.parse(undefined),
  };
}

interface JsonField {
  type?: string;
  enum?: string[];
  anyOf?: JsonField[];
  minimum?: number;
  maximum?: number;
}

function typeOf(json: JsonField): string {
  if (json.anyOf) return json.anyOf.map(typeOf).join(' or ');
  return json.enum ? json.enum.join(' | ') : (json.type ?? 'any');
}

function boundsOf(json: JsonField): string {
  return json.minimum === undefined ? '' : `${json.minimum} to ${json.maximum}`;
}

function unwrap(schema: z.ZodType): z.ZodType {
  const definition = schema.def as { innerType?: z.ZodType };
  return definition.innerType ? unwrap(definition.innerType) : schema;
}

/** Keys that the schema knows at `path`; empty when there is no mapping. */
export function knownKeysAt(path: readonly PropertyKey[]): string[] {
  let schema: z.ZodType | undefined = configSchema;
  for (const part of path) {
    const shape = schemaShape(schema);
    schema = shape?.[String(part)];
    if (schema === undefined) return [];
  }
  return Object.keys(schemaShape(schema) ?? {});
}

function schemaShape(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  const inner = unwrap(schema);
  return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>) : undefined;
}

export function valueAt(config: unknown, path: readonly string[]): unknown {
  let at: unknown = config;
  for (const part of path)
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined;
  return at;
}

/** The configuration as people may see it: secrets are `***`. */
export function maskSecrets(config: Config): Config {
  const masked = structuredClone(config);
  for (const { keys, secret } of settings) {
    if (!secret || valueAt(masked, keys) === null) continue;
    const parent = valueAt(masked, keys.slice(0, -1)) as Record<string, unknown>;
    parent[keys.at(-1)!] = '***';
  }
  return masked;
}
