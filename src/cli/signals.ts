import type { Terminal } from './terminal.ts';

const stopSignals = ['SIGINT', 'SIGTERM'] as const;
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * The first SIGINT or SIGTERM aborts the returned signal: drain and leave in order. A second one ends
 * the process at once; nothing is lost by it, the next start goes on from the last commit.
 */
export function listenForStop(terminal: Terminal): { signal: AbortSignal; [Symbol.dispose](): void } {
  const controller = new AbortController();
  const listener = (name: (typeof stopSignals)[number]): void => {
    if (controller.signal.aborted) process.exit(exitCodes[name]);
    terminal.note(`${name}: finishing (once more to stop at once)`);
    controller.abort();
  };
  for (const name of stopSignals) process.on(name, listener);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of stopSignals) process.off(name, listener);
    },
  };
}

/** Calls `reload` on SIGHUP until disposed. */
export function listenForReload(reload: () => void): Disposable {
  process.on('SIGHUP', reload);
  return { [Symbol.dispose]: () => process.off('SIGHUP', reload) };
}
