import { askClickHouse, rowsOf } from '../control/query-client.ts';
import type { ResultName } from '../decoders/event-schemas.ts';
import { assert, EngineError } from '../model/errors.ts';
import { orderSnapshots } from '../rows/order-snapshots.ts';
import { alertEvents, tables as allTables, deadLetters, pacingSnapshots } from '../rows/tables.ts';
import { RecordLogSink, type RecordLogSinkOptions } from '../sinks/records/record-log-sink.ts';
import type { Sink } from '../sinks/sink.ts';
import type { SinkPorts } from '../sinks/sink-kind.ts';
import type { EngineContext } from './engine-parts.ts';
import type { EngineLog } from './log/engine-log.ts';
import type { FailureRelay } from './running-engine.ts';
import { readPem } from './servers/pem.ts';
import type { Config } from './settings.ts';
import { sinkKinds } from './sinks.ts';
import type { Tables } from './tables.ts';

interface SinkOpening {
  readonly log: EngineLog;
  readonly tables: Tables;
  readonly context: Pick<EngineContext, 'clock' | 'log'>;
  readonly failures: FailureRelay;
}

/** A sink as the configuration has it: the drawing shows it, and the engine opens it unless it is idle. */
interface PlannedSink {
  readonly name: string;
  readonly does: string;
  readonly streams: readonly string[];
  /** Why it does not run; null = it does. */
  readonly whyIdle: string | null;
  /** Somebody configured it, and may wonder that it stands idle. */
  readonly isConfigured: boolean;
  open(opening: SinkOpening): Promise<Sink>;
}

/** Every sink that there is, in the order in which they are opened. */
export function planSinks(config: Config): PlannedSink[] {
  return [
    {
      name: 'clickhouse',
      does: 'tables, idempotent rows',
      streams: allTables.map(({ name }) => name),
      whyIdle: null,
      isConfigured: true,
      // Opened with the tables, and closed with them.
      open: async ({ tables }) => tables.sink,
    },
    planRecords(config.kafka.alerts_topic, 'alert', { name: 'alert-records', table: alertEvents }),
    planRecords(config.kafka.dead_letters_topic, 'dead_letter', {
      name: 'dead-letter-records',
      table: deadLetters,
      rawColumns: ['key', 'raw'],
    }),
    planRecords(config.kafka.snapshots_topic, 'pacing_snapshot', { name: 'snapshot-records', table: pacingSnapshots }),
    planRecords(config.kafka.order_snapshots_topic, 'order_snapshot', { name: 'order-records', table: orderSnapshots }),
    ...Object.keys(sinkKinds).map((name) => planKind(config, name)),
  ];
}

/** Opens those that run; they are closed with the stack, before the tables. */
export async function openSinks(
  planned: readonly PlannedSink[],
  opening: SinkOpening,
  stack: AsyncDisposableStack,
): Promise<Sink[]> {
  const sinks: Sink[] = [];
  for (const { name, whyIdle, isConfigured, open } of planned) {
    if (whyIdle !== null) {
      if (isConfigured) opening.context.log.warn(`${name}.idle`, { reason: whyIdle });
      continue;
    }
    const sink = await open(opening);
    sinks.push(sink);
    if (sink !== opening.tables.sink) stack.defer(() => sink.close());
  }
  return sinks;
}

/** Rows of a table as records, exactly once each; `topic` null = nobody wants them. */
function planRecords(
  topic: string | null,
  result: ResultName,
  options: Pick<RecordLogSinkOptions, 'name' | 'table' | 'rawColumns'>,
): PlannedSink {
  return {
    name: options.name,
    does: topic ?? `${result} records`,
    streams: [options.table.name],
    whyIdle: topic === null ? `${options.name} has no topic` : null,
    isConfigured: topic !== null,
    open: async ({ log }) => {
      assert(topic !== null, 'a sink that runs has a topic');
      const { encodeResult } = log;
      const encodeAvro: RecordLogSinkOptions['encodeAvro'] =
        encodeResult === null ? undefined : (fields) => encodeResult(result, fields);
      return new RecordLogSink({ ...options, encodeAvro, log: await log.openResults(topic) });
    },
  };
}

function planKind(config: Config, name: string): PlannedSink {
  const kind = sinkKinds[name];
  const settings: unknown = config[name as keyof Config];
  const isConfigured = kind.isConfigured(settings);
  return {
    name,
    does: kind.does,
    streams: kind.streams,
    whyIdle: isConfigured ? kind.whyIdle(config.log) : `${name} is not configured`,
    isConfigured,
    open: async (opening) => kind.open(settings, portsOf(name, opening), readPem),
  };
}

function portsOf(name: string, { tables, context, failures }: SinkOpening): SinkPorts {
  return {
    clock: context.clock,
    database: tables.database,
    query: (sql) => queryTables(tables, sql),
    onTrouble: (error) => context.log.warn(`${name}.trouble`, { error }),
    fail: (error) => failures.tell(error),
  };
}

async function queryTables({ reader }: Tables, sql: string): Promise<Record<string, unknown>[]> {
  try {
    return rowsOf(await askClickHouse(reader, sql));
  } catch (error) {
    // Whatever keeps the tables from answering, the next round asks again.
    throw new EngineError('SINK_UNAVAILABLE', 'the tables cannot be read', { cause: error });
  }
}
