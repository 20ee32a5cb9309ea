import { finalRows, openTestEngine } from '../../embedded-clickhouse/embedded.ts';
import { sinkExam } from '../../exams/sink-exam.ts';

sinkExam(async () => {
  const engine = await openTestEngine();
  const sink = engine.sinkAt();
  await sink.migrate();
  return {
    sink,
    readRows: (table) => finalRows(engine, table),
    async breakShape(table) {
      await engine.ask(`ALTER TABLE ads.${table} RENAME COLUMN late_by_ms TO late_by`);
    },
    async close() {
      await sink.close();
      await engine.close();
    },
  };
});
