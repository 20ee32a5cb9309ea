import { assert } from '../../model/errors.ts';
import { sinkChecks } from '../sinks.ts';

/**
 * Every check of `paceline doctor` by its id: what is looked at, and what to do or know when it is not
 * in order. docs/doctor.md is printed from this table, a section a check.
 */
export const checkCatalogue: Readonly<Record<string, string>> = {
  'node.version':
    'Paceline runs its TypeScript as it is, which needs the named version of Node. `npm ci` brings one for `npm run` and `npx`; a service unit should call that one.',
  'chdb.load':
    'Without `clickhouse.url` the tables live in an embedded ClickHouse, a native library. It needs Linux with glibc or macOS, on x64 or arm64. Not looked at where a server holds the tables.',
  'config.valid':
    'All files of `--config`, read as `run` would read them. Each mistake has its file, line and column; `paceline check` names them too, together with those in rules and organizations.',
  'data.writable':
    'The data directory, or the nearest directory above it that exists. Even with servers everywhere it holds the lock, `engine.json` and, unless you set others, snapshots and the warehouse.',
  'data.disk':
    'Room where the data lies; a warning below 2 GiB. At zero the engine pauses and goes on by itself when there is room.',
  'data.owner':
    'One engine per data directory. Two instances of one consumer group need two directories. A process that was killed leaves its note behind; the next start goes on from its last commit.',
  'data.generation': 'The stream that the log in the data directory is. Not looked at with Kafka.',
  'clock.sane':
    'This clock stamps records of the embedded log and times everything else. It must be sane, and agree with that of the disk.',
  'plans.signed':
    'With `plans.root_key` the lanes take only plans that a key of the stream signed; see [signed plans](production.md#signed-plans). Without it whoever may write to the topic can write plans, too, which is a warning with Kafka. A key file that cannot be read, or that others may read, fails.',
  'bronze.writable':
    'The directory of `bronze.warehouse`, which all instances of a topic share. With `bronze.catalog: sqlite` it must be one machine or one file system with working locks; `postgres` has no such condition.',
  'bronze.catalog':
    'With `bronze.catalog: postgres`, the database of `postgres.url` holds the two tables of the catalog, and our login may read them. `paceline migrate` makes them and grants them to `paceline_service`.',
  'bronze.disk': 'Room in the warehouse; a warning below 2 GiB.',
  'snapshots.writable':
    'The directory of `snapshots.directory`. Instances should share it: a lane that moves then restores from the newest snapshot, whoever wrote it.',
  'snapshots.disk':
    'Room for snapshots; a warning below 2 GiB. A snapshot that fails stops no lane, it only grows old.',
  'port.http': 'The port of /metrics, /livez, /readyz and /-/status is free, or held by the engine of this directory.',
  'port.clickhouse': 'The port of the embedded ClickHouse. Not looked at where a server holds the tables.',
  'port.serving':
    'The port of the API, `serving.port`, or the one after that of metrics. Not looked at where nothing is served.',
  'kafka.reachable':
    'A broker of `kafka.brokers` answers to our TLS settings and credentials. `SASL` in the message: user, password or mechanism; `certificate`: `kafka.tls.ca_file`. Remember that brokers send clients on to their advertised addresses.',
  'kafka.version': 'Reading by topic id needs Kafka 3.1 or newer.',
  'kafka.topic':
    'The topic of events is there, with `log.partitions` partitions. Partitions are never added to a topic that is in use: keys would change their lanes, and the engine refuses to run on it. Fill a new topic by replay instead.',
  'kafka.replicas':
    'Every partition has a leader, all its replicas in sync, and two copies at least. One copy is fine on your own machine.',
  'kafka.settings':
    'The settings of topics and the state of our group could be read. It needs DESCRIBE_CONFIGS on the topics and DESCRIBE on the group.',
  'kafka.timestamps':
    'A live log is stamped by the brokers (`message.timestamp.type=LogAppendTime`), a replayed one brings its own times (`CreateTime`). Correct it before anything is produced.',
  'kafka.retention':
    'The topic is not compacted, has no bound in bytes, and keeps its records a day at least and as long as `kafka.retention_hours` says: a lane that is restored from a snapshot, or was down, reads on from where it was. `--new-generation` builds the state from what the topic still holds, see [how long the topic must remember](production.md#how-long-the-topic-must-remember). A replayed topic keeps them for ever: its times are old from the beginning.',
  'kafka.results':
    'The topics of alerts and dead letters are there; lane p writes partition p, so they need as many partitions as the events have.',
  'kafka.group': 'Our consumer group is used by Paceline alone.',
  'kafka.read':
    "The newest record of each partition can be read, and none is stamped ahead of this machine's clock by more than 5 s. Keep brokers and engines on one time service.",
  'registry.reachable':
    'The registry answers under `registry.url`, with the path at which the Confluent API begins (`/apis/ccompat/v7` in Apicurio), and takes our credentials.',
  'registry.schemas': 'It holds every schema that was released with this version. `paceline migrate` registers them.',
  'registry.compatibility':
    'Our newest schemas fit the newest ones that it holds, by the compatibility set for them. What does not fit becomes dead letters with reason `unresolvable_schema`, or is refused at the next migration.',
  'redis.reachable': 'The Redis of the state answers and takes our credentials. Every master of a Cluster is asked.',
  'redis.policy':
    '`maxmemory-policy noeviction`, and Redis 6 or newer. A server that evicts would drop state when memory is short, so the engine refuses to run on it: `CONFIG SET maxmemory-policy noeviction`, and the same in redis.conf.',
  'redis.persistence':
    'The append-only file, `appendfsync everysec`. What a crash still loses is found out and replayed; without any file each restart of Redis falls back to the newest snapshot.',
  'redis.replicas':
    'A replica, with Sentinel or Cluster to promote it. One server alone is fine where a restore from a snapshot is.',
  'redis.memory':
    'Memory below 80 % of `maxmemory`. At the bound Redis refuses commits: nothing is lost, the lanes pause.',
  'redis.cache':
    'The cache is another server than the state (told apart by `run_id`), and may evict. It may also be away: nothing that the engine must remember is in it.',
  'postgres.reachable':
    'The database answers and takes our credentials. Any `sslmode` but `disable` verifies certificate and host name.',
  'postgres.version': 'PostgreSQL 14 or newer.',
  'postgres.clock': 'Its clock and ours agree within 2 s.',
  'postgres.login':
    'The login of the engine should have the role `paceline_service` and nothing else: a superuser passes row-level security.',
  'postgres.migrations': 'Every migration of this version is applied, and none that it does not know.',
  'postgres.row_security': 'Row-level security is on and forced on every table that holds rows of tenants.',
  'postgres.privileges': 'The engine may read rows, keep the ledger of plans and make partitions of the audit log.',
  'postgres.audit_partitions':
    'The audit log has partitions for the months to come; a running engine makes them once a day.',
  'postgres.notify_queue':
    'Less than half of the queue of notifications of the server is taken. From there on edits are no longer told but found by the poll (`postgres.poll_interval_ms`), so that a full queue fails none of them. It fills when a session that listens leaves a transaction open; it empties when that ends.',
  'postgres.tenant_logins':
    'Every login with `paceline_tenant` has a limit of connections and an `idle_in_transaction_session_timeout`, see [postgres](postgres.md#roles).',
  'clickhouse.reachable': 'The server answers under `clickhouse.url` and takes user and password.',
  'clickhouse.tables':
    'ClickHouse 24.3 or newer, time zone UTC, and every table with the very columns that rows are written with. `paceline migrate` makes them; a table that somebody changed is named with the first column that differs.',
  'clickhouse.disk': 'Room on its disks; a warning below 10 GiB, where its user may see system.disks.',
  's3.writable':
    'In every place that a setting names as `s3://bucket/key` a small object can be made, read and removed with the key of `s3.*`.',
  'iceberg.reachable':
    'With `bronze.catalog: rest`, the catalog of `iceberg_rest.url` answers, takes our login, and tells of the bronze table or that there is none yet.',
  'tracing.reachable':
    'The collector of `tracing.endpoint` takes an empty message of OTLP, with our header where one is set. The engine runs as well without it; its spans are lost.',
  ...sinkChecks,
};

/** The place of a check in the documentation, as heading anchors are made of headings. */
export function anchorOf(id: string): string {
  assert(id in checkCatalogue, `check ${id} is in the catalogue`);
  return `docs/doctor.md#${id.replaceAll('.', '')}`;
}

/** docs/doctor.md. */
export function doctorReference(): string {
  const sections = Object.entries(checkCatalogue).map(([id, text]) => `## ${id}\n\n${text}\n`);
  return `# Doctor

Printed from \`src/adapters/servers/check-catalogue.ts\` by \`npm run docs\`; do not edit.

\`paceline doctor --config …\` looks at this machine, the data directory and every server that the configuration names. Servers are asked all at once, each for 20 s at most; nothing is changed. A check is \`ok\`, \`warning\` (works, but somebody should look) or \`failed\` (the engine would not run, or not for long); exit code 1 when one failed. \`--json\` gives the same to programs. Ids are stable.

${sections.join('\n')}`;
}
