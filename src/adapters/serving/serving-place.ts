import type { Config } from '../settings.ts';

/** Whether an engine of this configuration opens the doors too. */
export function isServing({ serving, clickhouse }: Pick<Config, 'clickhouse' | 'serving'>): boolean {
  return serving.enabled ?? clickhouse.url === null;
}

/** The next to that of metrics which the embedded tables do not take; where a free one is taken for those, it is for the doors. */
export function servingPort({ serving, http, clickhouse }: Pick<Config, 'http' | 'serving' | 'clickhouse'>): number {
  if (serving.port !== null) return serving.port;
  if (http.port === 0) return 0;
  // Configurations of before the doors put the tables there.
  const isTaken = clickhouse.url === null && clickhouse.port === http.port + 1;
  return http.port + (isTaken ? 2 : 1);
}
