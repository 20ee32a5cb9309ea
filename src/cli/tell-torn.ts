import { onFact } from '../model/facts.ts';
import type { Terminal } from './terminal.ts';

/** Says so when a command opens a log whose half-written end is cut off; an engine has its log for that. */
export function tellTorn(terminal: Pick<Terminal, 'note'>): Disposable {
  const stop = onFact('log.torn', ({ topic, partition, offset, bytes, kept }) =>
    terminal.note(
      `${topic}:${partition} ended in ${bytes} bytes that are no whole record, as a crash leaves them: cut off at offset ${offset}, kept as ${kept}`,
    ),
  );
  return { [Symbol.dispose]: stop };
}
