import { existsSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { PartName, StackPlace } from './part.ts';
import { partNames } from './part.ts';
import { parts } from './parts.ts';
import { dataDir, logPath } from './places.ts';
import { checkPortFree } from './ports.ts';
import { waitUntil } from './probe.ts';
import { endProcess, isAlive, type ProcessMark, readTail, startServer } from './processes.ts';
import { StackError } from './stack-error.ts';
import { isPartAlive, markPart, readState } from './stack-state.ts';

const readyWithinMs = 90_000;

/** Starts one part unless it runs, and resolves when it serves. The caller holds the lock. True when it was started. */
export async function startPart(place: StackPlace, name: PartName): Promise<boolean> {
  const part = parts[name];
  if (isPartAlive(readState(place.dir), name)) {
    await part.probe(place);
    return false;
  }
  for (const port of part.ports) await checkPortFree(port, place.ports[port]);
  await part.prepare(place);
  // A new log for a new life: its last lines must not be those of an earlier one.
  rmSync(logPath(place.dir, name), { force: true });
  const mark = await startServer(part.command(place), logPath(place.dir, name));
  markPart(place.dir, place.ports, name, { ...mark, wanted: 'up' });
  await waitUntilReady(place, name, mark);
  return true;
}

async function waitUntilReady(place: StackPlace, name: PartName, mark: ProcessMark): Promise<void> {
  try {
    await waitUntil(
      () => parts[name].probe(place),
      readyWithinMs,
      () => isAlive(mark),
    );
  } catch (cause) {
    const why = isAlive(mark) ? `does not serve after ${readyWithinMs / 1000} s (${cause})` : 'ended while it started';
    await endProcess(mark, 'SIGKILL');
    markPart(place.dir, place.ports, name, undefined);
    throw new StackError(`${name} ${why}; the end of its log:\n${readTail(logPath(place.dir, name))}`, { cause });
  }
}

/** Stops one part in order and forgets it. The caller holds the lock. */
export async function stopPart(place: StackPlace, name: PartName): Promise<void> {
  const mark = readState(place.dir)?.parts[name];
  if (!mark) return;
  // Written down first, so that whoever watches does not take the end for a crash.
  markPart(place.dir, place.ports, name, { ...mark, wanted: 'killed' });
  await endProcess(mark, parts[name].stopSignal);
  markPart(place.dir, place.ports, name, undefined);
}

/** Ends one part as a crash would (SIGKILL). The caller holds the lock. */
export async function killPart(place: StackPlace, name: PartName): Promise<void> {
  const mark = readState(place.dir)?.parts[name];
  if (!mark || !isAlive(mark)) throw new StackError(`${name} does not run, so it cannot be killed`);
  markPart(place.dir, place.ports, name, { ...mark, wanted: 'killed' });
  await endProcess(mark, 'SIGKILL');
}

/** Stops the named parts, last started first. */
export async function stopParts(place: StackPlace, names: readonly PartName[] = partNames): Promise<void> {
  for (const name of partNames.toReversed()) if (names.includes(name)) await stopPart(place, name);
}

/** Freezes or thaws a part: it keeps its connections and answers nobody, as a hung machine would. */
export function signalPart(place: StackPlace, name: PartName, signal: 'SIGSTOP' | 'SIGCONT'): void {
  const mark = readState(place.dir)?.parts[name];
  if (!mark || !isAlive(mark)) throw new StackError(`${name} does not run`);
  process.kill(mark.pid, signal);
}

/** Removes what a stopped part has stored; downloads stay. */
export function emptyData(place: StackPlace, name: PartName): void {
  if (isPartAlive(readState(place.dir), name)) throw new StackError(`${name} runs: stop it before its data is removed`);
  rmSync(dataDir(place.dir, name), { recursive: true, force: true });
}

/**
 * Shortens the append-only file of the stopped state Redis, as a power cut between two fsyncs would.
 * Returns how many bytes were cut: never more than the file holds.
 */
export function cutAofTail(place: StackPlace, bytes: number): number {
  if (isPartAlive(readState(place.dir), 'redis-state')) throw new StackError('kill redis-state before its log is cut');
  const folder = join(dataDir(place.dir, 'redis-state'), 'appendonlydir');
  const tails = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.incr.aof')) : [];
  if (tails.length !== 1) throw new StackError(`expected one append-only file, found ${tails.length}`);
  const path = join(folder, tails[0]);
  const size = statSync(path).size;
  const kept = Math.max(0, size - bytes);
  truncateSync(path, kept);
  return size - kept;
}
