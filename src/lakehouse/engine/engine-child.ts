import { mkdirSync } from 'node:fs';
import { chdir } from 'node:process';
import { Session } from 'chdb';
import type { EngineMessage, RunMessage } from './engine-messages.ts';

// ClickHouse's engine, in a process of its own: what it does to memory and threads is nobody else's, and a
// statement blocks nothing but this process. It ends with its parent.
const [directory, memoryBytesMax] = process.argv.slice(2);

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

mkdirSync(directory, { recursive: true });
// ClickHouse reads and writes below its working folder only; tables lie anywhere.
chdir('/');
const session = new Session(directory, {
  connectionArgs: [`--max_server_memory_usage=${memoryBytesMax}`, '--mark_cache_size=16777216'],
});

process.on('message', ({ id, sql }: RunMessage) => {
  try {
    tell({ kind: 'done', id, text: session.query(sql, 'JSONCompact') });
  } catch (error) {
    tell({ kind: 'failed', id, problem: error instanceof Error ? error.message : String(error) });
  }
});
tell({ kind: 'ready' });

function tell(message: EngineMessage): void {
  process.send?.(message);
}
