import { createRequire } from 'node:module';

interface RequestQueue {
  pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

/**
 * A queue without requests waits for nothing. kafkajs sets a timer in the past for it, over and over:
 * 5 % of a core for an idle connection, and Node's TimeoutNegativeWarning (tulios/kafkajs#1751). Whoever
 * uses kafkajs imports this beside it.
 */
function calmRequestQueue(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue;
  };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}

calmRequestQueue();
