import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartName } from './part.ts';
import type { Ports } from './ports.ts';
import { isAlive, type ProcessMark, readBirth } from './processes.ts';
import { StackError } from './stack-error.ts';

/** `killed` on purpose (a test, a person): nobody needs to hear of it. */
export interface PartState extends ProcessMark {
  readonly wanted: 'up' | 'killed';
}

/** What is written down about a stack, so that any process can find and steer it. */
export interface StackState {
  readonly ports: Ports;
  readonly parts: Readonly<Partial<Record<PartName, PartState>>>;
}

const statePath = (dir: string) => join(dir, 'stack.json');

/** The stack that was started in a folder; undefined when there was none. */
export function readState(dir: string): StackState | undefined {
  return existsSync(statePath(dir)) ? JSON.parse(readFileSync(statePath(dir), 'utf8')) : undefined;
}

/** Written beside and moved, so that a reader never sees half. */
export function writeState(dir: string, state: StackState): void {
  const draft = `${statePath(dir)}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(state, undefined, 2), { mode: 0o600 });
  renameSync(draft, statePath(dir));
}

export function isPartAlive(state: StackState | undefined, part: PartName): boolean {
  const mark = state?.parts[part];
  return mark !== undefined && isAlive(mark);
}

export function markPart(dir: string, ports: Ports, part: PartName, mark: PartState | undefined): void {
  const parts = { ...readState(dir)?.parts };
  if (mark) parts[part] = mark;
  else delete parts[part];
  writeState(dir, { ports, parts });
}

/**
 * Runs `work` while no other process starts or stops parts of this stack.
 * The lock of a process that died is taken over.
 */
export async function withLock<T>(dir: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'stack.lock');
  const end = Date.now() + 180_000;
  while (!tryLock(path)) {
    if (Date.now() > end)
      throw new StackError('another process has been starting or stopping this stack for 3 minutes');
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path: string): boolean {
  const mark = { pid: process.pid, born: readBirth(process.pid) };
  try {
    writeFileSync(path, JSON.stringify(mark), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  // An empty file is a lock that is just being written.
  if (text === '' || isAlive(JSON.parse(text))) return false;
  rmSync(path, { force: true });
  return false;
}
