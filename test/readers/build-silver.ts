import { writeFileSync } from 'node:fs';
import { writeSilverLayer } from '../../src/adapters/lake/write-layers.ts';
import { foldCorrected } from '../lakehouse/layers/corrected-fold.ts';
import { SilverWorld } from '../lakehouse/layers/silver-world.ts';

/** Writes silver of a simulated world, and what readers must find in it, by the fold of the log, to a file. */
const [expectedPath] = process.argv.slice(2);
const world = await SilverWorld.make({ seed: 51, days: 2, encoding: 'binary' });
await writeSilverLayer(world.config, { isDryRun: false, onProgress: () => {} });
const silver = await world.expected();
const { counters, spend } = foldCorrected(silver);
const tables = [...silver].map(([name, rows]) => {
  const found = rows.map((row) => ({ id: row.event_id, org: row.org_id, at: row.event_time, offset: row.log_offset }));
  return [name, found];
});
writeFileSync(
  expectedPath,
  JSON.stringify({
    directory: world.directory,
    tables: Object.fromEntries(tables),
    corrected: { counters: Object.fromEntries(counters), spend: Object.fromEntries(spend) },
  }),
);
let records = 0;
for await (const _ of world.records()) records += 1;
console.log(`built: silver of ${records} records`);
