import { openProgram } from '../../../src/adapters/lake/open-bronze.ts';
import type { Config } from '../../../src/adapters/settings.ts';
import { createRunner } from '../../../src/runtime/runner.ts';

/** Files the log of the data directory in bronze, up to its end. */
export async function fileBronze(config: Config): Promise<void> {
  const settings = { config, generation: 1, isNewGeneration: false };
  const parts = await openProgram(settings, { onChange: () => {} });
  const failed = Promise.withResolvers<never>();
  const runner = createRunner({ ...parts.runner, onError: (error) => failed.reject(error) });
  await runner.start();
  await Promise.race([failed.promise, runner.catchUp()]);
  await runner.stop();
  await parts.close();
}
