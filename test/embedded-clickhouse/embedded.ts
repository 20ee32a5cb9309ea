import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/control/system-clock.ts';
import {
  type EmbeddedClickHouse,
  startEmbeddedClickHouse,
} from '../../src/embedded-clickhouse/start-embedded-clickhouse.ts';
import { isWorthRetrying } from '../../src/model/errors.ts';
import { type ClickHouseSink, createClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts';
import type { OutputChunk, Sink } from '../../src/sinks/sink.ts';

export interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly text: string;
}

/** An embedded engine in a directory, which is removed on close. */
export interface TestEngine {
  readonly engine: EmbeddedClickHouse;
  readonly directory: string;
  sinkAt(url?: string): ClickHouseSink;
  ask(sql: string, token?: string, query?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

export async function openTestEngine(
  directory = mkdtempSync(join(tmpdir(), 'paceline-clickhouse-')),
): Promise<TestEngine> {
  const engine = await startEmbeddedClickHouse({ dir: join(directory, 'db'), port: 0, clock: systemClock });
  return {
    engine,
    directory,
    sinkAt: (url = engine.url) =>
      createClickHouseSink({ url, password: engine.writeToken, buckets: 1, clock: systemClock }),
    async ask(sql, token = engine.writeToken, query = {}) {
      const response = await fetch(`${engine.url}/?${new URLSearchParams(query)}`, {
        method: 'POST',
        headers: { 'X-ClickHouse-Key': token },
        body: sql,
      });
      return {
        status: response.status,
        code: response.headers.get('x-clickhouse-exception-code'),
        text: await response.text(),
      };
    },
    async close() {
      await engine.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Every row of a table as FINAL shows it, as sorted lines. */
export async function finalRows(engine: TestEngine, table: string): Promise<string[]> {
  const { status, text } = await engine.ask(`SELECT * FROM ads.${table} FINAL FORMAT JSONCompactEachRow`);
  if (status !== 200) throw new Error(text);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

/** What the caller of a sink does: the same chunks again, as long as waiting helps. */
export async function deliverForEver(sink: Sink, chunks: readonly OutputChunk[]): Promise<number> {
  for (let attempts = 1; ; attempts++) {
    try {
      await sink.deliver(chunks);
      return attempts;
    } catch (error) {
      if (!isWorthRetrying(error)) throw error;
    }
  }
}
