import { join } from 'node:path';
import { writeSilverLayer } from '../../../src/adapters/lake/write-layers.ts';
import { loadConfig } from '../../../src/adapters/settings.ts';

/** One life of the job that writes silver, for whoever wants to kill it. */
const shippedConfigDirectory = join(import.meta.dirname, '../../../config');
const { config } = loadConfig([], { shippedConfigDirectory, overrides: { data_directory: process.argv[2] } });
const report = await writeSilverLayer(config, { isDryRun: false, onProgress: () => {} });
process.stdout.write(JSON.stringify(report));
