import { EngineError } from '../../model/errors.ts';
import type { Place } from '../../serving/ports.ts';
import { BronzeHistory } from '../lake/bronze-history.ts';
import type { Config } from '../settings.ts';
import type { BronzeAnswer } from './bronze-record.ts';

// One record out of bronze, in a process of its own: a file of it may take the memory that lanes need.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

process.once('message', ({ config, place }: { config: Config; place: Place }) => {
  find(config, place).then(
    (record) => answer({ kind: 'done', record }),
    (error: unknown) => {
      const code = error instanceof EngineError ? error.code : null;
      answer({ kind: 'failed', code, problem: error instanceof Error ? error.message : String(error) });
    },
  );
});

async function find(config: Config, { partition, offset }: Place) {
  const history = await BronzeHistory.open(config);
  try {
    return await history.recordAt(partition, offset);
  } finally {
    await history.close();
  }
}

function answer(message: BronzeAnswer): void {
  process.send?.(message, () => process.exit(0));
}
