import { join } from 'node:path';
import { runTiers } from '../../../src/adapters/lake/tier-lake.ts';
import { loadConfig } from '../../../src/adapters/settings.ts';
import { makeLogger } from '../../../src/control/logs/logger.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { EngineError } from '../../../src/model/errors.ts';

/** One run of the tiers by a process of its own, through tables that somebody else has open; says how it ended. */
const [data, url, key] = process.argv.slice(2);
const shippedConfigDirectory = join(import.meta.dirname, '../../../config');
const { config } = loadConfig([], { shippedConfigDirectory, overrides: { data_directory: data } });
const writer = { url, headers: { 'x-clickhouse-key': key } };
const log = makeLogger({ level: 'silent', clock: systemClock });
try {
  await runTiers(config, { log, lent: { reader: writer, writer }, onMoved: () => {}, onProgress: () => {} });
  process.stdout.write('done');
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  process.stdout.write(`${error.exitCode} ${error.code}: ${error.message}`);
}
