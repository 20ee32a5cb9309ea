import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Those that `paceline` is started with (bin/paceline.js). */
const nodeFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8'];

/**
 * Each measurement runs in a process of its own, so that memory, compiled code and processor time of
 * one never count for another.
 */
export function runTask<Result>(module: string, task: object): Promise<Result> {
  const path = fileURLToPath(new URL(module, import.meta.url));
  const child = fork(path, [JSON.stringify(task)], { execArgv: nodeFlags });
  const stop = (): boolean => child.kill('SIGTERM');
  process.once('exit', stop);
  return new Promise<Result>((resolve, reject) => {
    let result: Result | undefined;
    child.once('message', (message) => {
      result = message as Result;
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.off('exit', stop);
      if (result !== undefined && code === 0) resolve(result);
      else reject(new Error(`${module} ended with ${signal ?? `exit code ${code}`} before it had a result`));
    });
  });
}

/** The child's side: takes its task from the arguments, sends the result and ends. */
export async function serveTask<Task>(work: (task: Task) => Promise<object>): Promise<void> {
  const result = await work(JSON.parse(process.argv[2]) as Task);
  await new Promise<void>((resolve, reject) => {
    process.send?.(result, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
  process.disconnect();
}
