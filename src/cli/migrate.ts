import { userInfo } from 'node:os';
import { systemClock } from '../control/system-clock.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { usage } from './parse-call.ts';
import { quietLogger } from './quiet-logger.ts';
import type { Terminal } from './terminal.ts';

export const migrateCommand: Command = {
  name: 'migrate',
  summary: 'Bring the servers and the data directory to the shape that this version works with.',
  examples: [
    'paceline migrate --config config/production.yaml',
    'paceline migrate --config config/production.yaml --dry-run',
    'paceline migrate --config config/production.yaml --replication-factor 1',
    'paceline migrate --config config/production.yaml --audit-retention 24mo',
  ],
  doc: 'For each server that the configuration names: the tables, roles and policies of PostgreSQL, the schemas in the registry, the topics of Kafka (log.partitions of them when the topic is made), the tables and views of ClickHouse. Needs the rights to make them; "run" needs none of these. And for the data directory, where it holds any: the state file and the tables of the embedded ClickHouse, which "run" brings along at its start too; no engine may run there meanwhile. Running it again changes nothing.',
  flags: {
    config: configFlag,
    data: dataFlag,
    'dry-run': { type: 'boolean', doc: 'Say what would be done, and change nothing.' },
    'replication-factor': {
      type: 'integer',
      doc: 'Copies of topics that are made new.',
      default: '3',
      min: 1,
      max: 32,
    },
    'audit-retention': {
      type: 'text',
      value: 'MONTHS',
      doc: 'Drop whole months of the audit log, but for the newest, as in 24mo. Nothing is dropped without it.',
    },
    json: jsonFlag,
  },
  run: runMigrate,
};

async function runMigrate(call: Call, terminal: Terminal): Promise<number> {
  const auditRetentionMonths = readMonths(call.text('audit-retention'));
  const isJson = call.has('json');
  const { config } = loadCallConfig(call);
  const { migrateServers } = await import('../adapters/servers/migrate-servers.ts');
  const parts = await migrateServers(config, {
    replicationFactor: call.number('replication-factor') ?? 3,
    ...(auditRetentionMonths === undefined ? {} : { auditRetentionMonths }),
    isDryRun: call.has('dry-run'),
    actor: `${userInfo().username} by paceline migrate`,
    clock: systemClock,
    log: quietLogger(),
    onPart: (part) => terminal.note(`${part} ...`),
    onDone: ({ part, lines }) => {
      if (!isJson) for (const line of lines) terminal.print(`${part.padEnd(10)}  ${line}`);
    },
  });
  if (isJson) terminal.printJson({ parts });
  else if (parts.length === 0)
    terminal.print('nothing to migrate: the configuration names no server, and the data directory holds no data yet');
  return 0;
}

function readMonths(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const months = /^([1-9]\d{0,3})mo$/.exec(text)?.[1];
  if (months === undefined) throw usage(`--audit-retention must be months, as in 24mo, got "${text}"`);
  return Number(months);
}
