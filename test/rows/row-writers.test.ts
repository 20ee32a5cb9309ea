import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRows, RowWriter } from '../../src/rows/row-binary.ts';
import { tables } from '../../src/rows/tables.ts';
import { sampleRow } from '../sinks/clickhouse/sample-rows.ts';

test('writers that lend memory to each other write what each would alone', () => {
  const step = fc.record({ writer: fc.nat(5), rows: fc.nat(200), isTaken: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const writers = Array.from({ length: 6 }, (_, i) => new RowWriter(tables[i % tables.length]));
      const pending = writers.map((): number[] => []);
      let next = 0;
      for (const { writer, rows, isTaken } of steps) {
        const { table } = writers[writer];
        for (let row = 0; row < rows; row++, next++) {
          writers[writer].write(sampleRow(table, next, 1n));
          pending[writer].push(next);
        }
        if (!isTaken) continue;
        const taken = writers[writer].take();
        const alone = new RowWriter(table);
        for (const id of pending[writer]) alone.write(sampleRow(table, id, 1n));
        expect(taken.rows).toBe(pending[writer].length);
        expect(Buffer.from(taken.bytes).equals(Buffer.from(alone.take().bytes))).toBe(true);
        expect(decodeRows(table, taken.bytes)).toHaveLength(taken.rows);
        pending[writer] = [];
      }
    }),
    { seed: 20_261_126, numRuns: 40 },
  );
});
