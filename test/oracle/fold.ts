import type { LogRecord } from './events.ts';
import { LaneOracle, type OracleOptions } from './lane-oracle.ts';
import { emptyRows, sortRows, type TableName, type TableRows, tableNamed } from './rows.ts';

/** Folds a log of one or many lanes; records of a lane come in the order of their offsets. */
export function foldLog(records: Iterable<LogRecord>, options: OracleOptions): TableRows {
  const lanes = new Map<string, LaneOracle>();
  for (const record of records) {
    const name = `${record.topic}:${record.partition}`;
    let lane = lanes.get(name);
    if (lane === undefined) {
      lane = new LaneOracle(record, options);
      lanes.set(name, lane);
    }
    lane.apply(record);
  }
  return mergeTables([...lanes.values()].map((lane) => lane.tables()));
}

/** For folding lane by lane, so that only one lane's state is in memory at a time. */
export function foldLane(
  records: Iterable<LogRecord>,
  lane: { topic: string; partition: number },
  options: OracleOptions,
): TableRows {
  const oracle = new LaneOracle(lane, options);
  for (const record of records) oracle.apply(record);
  return oracle.tables();
}

export function mergeTables(parts: readonly TableRows[]): TableRows {
  const all = emptyRows();
  for (const name of Object.keys(all) as TableName[])
    all[name] = sortRows(
      tableNamed(name),
      parts.flatMap((part) => part[name]),
    );
  return all;
}
