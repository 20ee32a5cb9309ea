import { RowWriter } from '../../../src/rows/row-binary.ts';
import { alertEvents, type Row, type RowOf } from '../../../src/rows/tables.ts';
import type { OutputChunk } from '../../../src/sinks/sink.ts';

type TransitionRow = RowOf<typeof alertEvents>;

const hour = 3_600_000;

/** A transition of one alert, evaluated at that instant; its condition has held for an hour. */
export function transitionRow(
  atMs: number,
  to_state: string,
  level: string,
  more: Partial<TransitionRow> = {},
): TransitionRow {
  const plain: Record<string, Row[string]> = {};
  for (const { name, type } of alertEvents.columns) {
    if (type.startsWith('Nullable')) plain[name] = null;
    else if (/String/.test(type)) plain[name] = '';
    else plain[name] = /(Int64|DateTime64)/.test(type) ? 0n : 0;
  }
  return {
    ...(plain as unknown as TransitionRow),
    org_id: 'acme',
    rule_id: 'under-pacing',
    campaign_id: 'c1',
    flight_id: 'f1',
    mode: 'notify',
    fingerprint: 'f00d',
    alert_id: `id-${atMs}`,
    summary: 'c1 is behind',
    to_state,
    level,
    evaluated_at: BigInt(atMs),
    active_since: to_state === 'resolved' ? null : BigInt(atMs - hour),
    labels: '{}',
    annotations: '{}',
    notified: 1,
    told: to_state === 'no_data' ? 'no_data' : level === 'none' ? '' : level,
    ...more,
  };
}

export function chunkOf(...rows: TransitionRow[]): OutputChunk {
  const writer = new RowWriter(alertEvents);
  for (const row of rows) writer.write(row);
  return { lane: 'ads:0', seq: 1, streams: [{ stream: 'alert_events', ...writer.take() }] };
}
