import type { Config } from '../settings.ts';

/** Whether an engine of this configuration opens the doors too. */
export function isServing({ serving, clickhouse }: Pick<Config, 'clickhouse' | 'serving'>): boolean {
  return serving.enabled ?? clickhouse.url === null;
}

/** The next to that of metrics; where a free one is taken for those, it is for the doors. */
export function servingPort({ serving, http }: Pick<Config, 'http' | 'serving'>): number {
  return serving.port ?? (http.port === 0 ? 0 : http.port + 1);
}
