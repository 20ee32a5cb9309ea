import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Tables of silver that the views are made of. */
export const correctedFrom = [
  'impressions',
  'clicks',
  'video_progress',
  'auction_stats',
  'metric_corrections',
  'spend',
  'spend_adjustments',
] as const;

export const correctedViews = ['corrected_counters', 'corrected_spend'] as const;

/** The statements of ClickHouse that make the views; the files for other engines lie beside this one. */
export function correctedStatements(): string[] {
  const text = readFileSync(join(import.meta.dirname, 'views/corrected.clickhouse.sql'), 'utf8');
  return text
    .split(/;\s*$/m)
    .map((statement) => statement.replaceAll(/^--.*$/gm, '').trim())
    .filter((statement) => statement !== '');
}
