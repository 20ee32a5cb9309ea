import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** The system's file size limit stands for a full disk: the write fails half-way, and so it is taken back. */
test('a full disk is LOG_FULL; nothing half-written stays and appending goes on', () => {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-full-'));
  const module = new URL('../../../src/sources/recorded/recorded-log.ts', import.meta.url).href;
  const script = `
    const { openLogReader, openRecordedLog } = await import(${JSON.stringify(module)});
    const clock = { wallMs: () => 1, steadyMs: () => 1, sleep: async () => {} };
    const options = { dir: ${JSON.stringify(dir)}, topic: 't', partitions: 1, mode: 'live', encoding: 'binary', clock };
    const log = await openRecordedLog(options);
    let appended = 0;
    let code = null;
    while (code === null) {
      await log.append(0, null, Buffer.alloc(10_000)).then(() => appended++, (error) => { code = error.code; });
    }
    const next = await log.append(0, null, Buffer.from('small'));
    const reader = await openLogReader(options);
    let seen = 0;
    for (let run; (run = await reader.poll(0, { records: 100, bytes: 1e9 })) !== null; ) seen += run.count;
    await log.close();
    const again = await openRecordedLog(options);
    console.log(JSON.stringify({ code, appended, next, seen, end: (await again.bounds(0)).end }));
    await again.close();`;
  try {
    const run = spawnSync(
      'bash',
      ['-c', 'ulimit -f 64; exec "$0" --input-type=module -e "$1"', process.execPath, script],
      { encoding: 'utf8' },
    );
    expect(run.stderr).toBe('');
    const told = JSON.parse(run.stdout) as { code: string; appended: number; next: number; seen: number; end: number };
    expect(told.code).toBe('LOG_FULL');
    expect(told.appended).toBeGreaterThan(3);
    expect(told.next).toBe(told.appended);
    expect(told.seen, 'a reader beside the writer meets no rest').toBe(told.appended + 1);
    expect(told.end).toBe(told.appended + 1);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
