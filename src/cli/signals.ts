import type { Terminal } from './terminal.ts';

const stopSignals = ['SIGINT', 'SIGTERM'] as const;
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** A terminal, or a service manager, tells a group of processes, and the front door in it passes on what it heard. */
const echoMs = 500;

/**
 * The first SIGINT or SIGTERM aborts the returned signal: drain and leave in order. A second one ends
 * the process at once; nothing is lost by it, the next start goes on from the last commit.
 */
export function listenForStop(terminal: Terminal): { signal: AbortSignal; [Symbol.dispose](): void } {
  const controller = new AbortController();
  let firstMs = 0;
  const listener = (name: (typeof stopSignals)[number]): void => {
    if (controller.signal.aborted) {
      if (performance.now() - firstMs > echoMs) process.exit(exitCodes[name]);
      return;
    }
    firstMs = performance.now();
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
