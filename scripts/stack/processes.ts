import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from './part.ts';
import { StackError } from './stack-error.ts';

/** A process by id and birth, so that an id given anew to a stranger is not taken for ours. */
export interface ProcessMark {
  readonly pid: number;
  readonly born: string;
}

/** When a process was born, in the words of the system; undefined when it is gone or only waits to be reaped. */
export function readBirth(pid: number): string | undefined {
  if (existsSync('/proc/self/stat')) {
    if (!existsSync(`/proc/${pid}/stat`)) return undefined;
    // The name in parentheses may hold spaces: fields are counted after the last one. Field 3 is the state.
    const stat = spawnFreeRead(`/proc/${pid}/stat`);
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  }
  const born = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
  return born === '' ? undefined : born;
}

/** A process may end between the look and the read; that is an answer too. */
function spawnFreeRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

export function isAlive(mark: ProcessMark): boolean {
  return readBirth(mark.pid) === mark.born;
}

/**
 * Starts a server that outlives this process, with its output appended to a file.
 * @throws StackError when it cannot be started at all.
 */
export async function startServer(command: Command, log: string): Promise<ProcessMark> {
  mkdirSync(dirname(log), { recursive: true });
  const out = openSync(log, 'a');
  try {
    const child = spawn(command.file, command.args, {
      detached: true,
      stdio: ['ignore', out, out],
      cwd: command.cwd,
      env: { ...process.env, ...command.env },
      ...command.user,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) =>
        reject(new StackError(`cannot start ${command.file}: ${cause.message}`, { cause })),
      );
    });
    child.unref();
    return { pid: child.pid!, born: readBirth(child.pid!) ?? 'gone' };
  } finally {
    closeSync(out);
  }
}

/** Signals a server of ours and waits until it is gone; past the deadline it is killed. */
export async function endProcess(mark: ProcessMark, signal: NodeJS.Signals, deadlineMs = 20_000): Promise<void> {
  if (!isAlive(mark)) return;
  process.kill(mark.pid, signal);
  // A stopped process hears a signal only when it goes on.
  if (signal !== 'SIGKILL') process.kill(mark.pid, 'SIGCONT');
  const end = Date.now() + deadlineMs;
  while (isAlive(mark)) {
    if (Date.now() > end) {
      if (signal === 'SIGKILL') throw new StackError(`process ${mark.pid} does not end`);
      return await endProcess(mark, 'SIGKILL');
    }
    await sleep(20);
  }
}

/** The last lines of a log, for the person who must know why. */
export function readTail(log: string, lines = 12): string {
  return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n') : '';
}
