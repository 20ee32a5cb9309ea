import type { Config } from './control/config/settings.ts';
import type { EngineContext, EngineParts } from './control/engine-parts.ts';
import { EngineError } from './model/errors.ts';

export async function openEmbedded(config: Config, _context: EngineContext): Promise<EngineParts> {
  throw new EngineError('STATE_UNAVAILABLE', config.data_directory);
}
