import { join } from 'node:path';
import { maintenanceOf, tendLake } from '../../../src/adapters/lake/tend-lake.ts';
import { runTiers } from '../../../src/adapters/lake/tier-lake.ts';
import { writeGoldLayer, writeSilverLayer } from '../../../src/adapters/lake/write-layers.ts';
import { loadConfig } from '../../../src/adapters/settings.ts';
import { makeLogger } from '../../../src/control/logs/logger.ts';
import { systemClock } from '../../../src/control/system-clock.ts';

/** One life of all that looks after a lake, one job after the other as the schedule has them, for whoever wants to kill it. */
const shippedConfigDirectory = join(import.meta.dirname, '../../../config');
const { config } = loadConfig([], { shippedConfigDirectory, overrides: { data_directory: process.argv[2] } });
const log = makeLogger({ level: 'silent', clock: systemClock });
const quiet = { isDryRun: false, onProgress: () => {} };
await writeSilverLayer(config, quiet);
await writeGoldLayer(config, quiet, log);
await runTiers(config, { log, onMoved: () => {}, onProgress: () => {} });
await tendLake(config, {
  ...maintenanceOf(),
  snapshotsOlderThanMs: 0,
  snapshotsToKeep: 1,
  onProgress: () => {},
  onDone: () => {},
});
