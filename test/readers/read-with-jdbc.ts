import { spawnSync } from 'node:child_process';
import { deadLetters, lateEvents } from '../../src/rows/tables.ts';
import { openTestEngine } from '../embedded-clickhouse/embedded.ts';
import { sampleChunk } from '../sinks/clickhouse/sample-rows.ts';

// Serves tables with rows and has a driver of Java read them: `read-with-jdbc.ts CLASSPATH`.
const engine = await openTestEngine();
const sink = engine.sinkAt();
await sink.migrate();
for (const table of [lateEvents, deadLetters]) await sink.deliver([sampleChunk(table, 0, 20)]);
await sink.close();
const { url, readToken } = engine.engine;
// In a process beside ours: the child that serves the tables answers whatever we wait for.
const { status } = spawnSync('java', ['-cp', process.argv[2], 'ReadTables', url, readToken], { stdio: 'inherit' });
await engine.close();
process.exitCode = status ?? 1;
