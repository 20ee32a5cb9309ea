import { makeLogger } from '../control/logs/logger.ts';
import { systemClock } from '../control/system-clock.ts';
import { type Command, configFlag, dataFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { makeDirectory } from './make-directory.ts';
import { product } from './product.ts';
import { listenForStop } from './signals.ts';

export const serveCommand: Command = {
  name: 'serve',
  summary: 'Serve the API over the tables of a server.',
  examples: ['paceline serve --config config/production.yaml'],
  doc: 'Opens the doors of docs/api.md over ClickHouse and, where the configuration names them, PostgreSQL and Redis. It keeps nothing beside accounts, which PostgreSQL has or else the data directory; so as many may run as are wanted, with one serving.cursor_key, that they understand each other. Metrics and health are on http.port. Embedded tables are served by "run", which alone can open them. SIGTERM or Ctrl+C ends calls under way and then the process.',
  flags: { config: configFlag, data: dataFlag },
  async run(call, terminal) {
    const { config } = loadCallConfig(call);
    // Accounts lie there where no PostgreSQL has them.
    if (config.postgres.url === null) makeDirectory(config.data_directory);
    const log = makeLogger({ level: config.logging.level, clock: systemClock });
    using stop = listenForStop(terminal);
    const { serveAlone } = await import('../adapters/serving/serve-alone.ts');
    const serving = await serveAlone(config, { version: product.version, clock: systemClock, log });
    terminal.note(`serving ${serving.url}, metrics and health on ${serving.controlUrl}`);
    if (!stop.signal.aborted)
      await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
    await serving.close();
    return 0;
  },
};
