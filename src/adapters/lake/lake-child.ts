import { makeLogger } from '../../control/logs/logger.ts';
import { systemClock } from '../../control/system-clock.ts';
import { EngineError } from '../../model/errors.ts';
import { lookAtLake, runLakeJob } from './lake-jobs.ts';
import type { LakeAnswer, LakeOrder } from './lake-keeper.ts';

// One job over the lake, in a process of its own: what it does to memory and threads is nobody else's, and no lane
// waits for it. It ends with its parent, and may at any moment.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

const log = makeLogger({ level: 'silent', clock: systemClock });

process.once('message', ({ job, config, lent, seen }: LakeOrder) => {
  const work = job === 'look' ? lookAtLake(config, lent, seen, log) : runLakeJob(job, config, lent, log);
  work.then(
    (report) => answer({ kind: 'done', report } as LakeAnswer),
    (error: unknown) => {
      const code = error instanceof EngineError ? error.code : null;
      answer({ kind: 'failed', code, problem: error instanceof Error ? error.message : String(error) });
    },
  );
});

function answer(message: LakeAnswer): void {
  process.send?.(message, () => process.exit(0));
}
