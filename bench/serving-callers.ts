import { Agent, request } from 'node:http';
import { serveTask } from './task.ts';

export interface CallersTask {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly callers: number;
  readonly seconds: number;
  /** Not measured, so that code is compiled and connections are open. */
  readonly warmUpSeconds: number;
}

export interface CallersResult {
  readonly calls: number;
  readonly failed: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** So many callers on connections that stay open, each asks again when it has its answer. */
await serveTask(async (task: CallersTask): Promise<CallersResult> => {
  const agent = new Agent({ keepAlive: true, maxSockets: task.callers });
  const took: number[] = [];
  let failed = 0;
  const began = performance.now();
  const measuredFrom = began + task.warmUpSeconds * 1_000;
  const until = measuredFrom + task.seconds * 1_000;
  const callOn = async (): Promise<void> => {
    for (let at = performance.now(); at < until; at = performance.now()) {
      const isRight = await call(task, agent);
      const end = performance.now();
      if (at < measuredFrom) continue;
      took.push(end - at);
      if (!isRight) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: task.callers }, callOn));
  const seconds = (performance.now() - measuredFrom) / 1_000;
  agent.destroy();
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.min(took.length - 1, Math.floor(share * took.length))] ?? Number.NaN;
  return { calls: took.length, failed, seconds, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
});

function call({ url, method, headers, body }: CallersTask, agent: Agent): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent }, (response) => {
      response.on('end', () => resolve(response.statusCode === 200));
      response.on('error', reject);
      response.resume();
    });
    asked.on('error', reject);
    asked.end(body ?? undefined);
  });
}
