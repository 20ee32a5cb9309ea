import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../model/errors.ts';
import { publishFact } from '../../model/facts.ts';
import type { StreamIdentity } from '../../model/lane.ts';
import { splitLane } from './lane-keys.ts';
import { indexSnapshot, type SnapshotHeader, type SnapshotIndex } from './snapshot-file.ts';

/** Generation, offset, seq: within a generation the higher offset contains the lower, whoever wrote it. */
const namePattern = /^(\d{5})-(\d{16})-(\d{16})\.snapshot$/;
/** The newest, and one to fall back to. */
const keptMax = 2;

/**
 * The directory of snapshots: prefix/topic/partition/generation-offset-seq.snapshot. A file gets its
 * name when it is whole and on the disk, so what bears a name was complete once.
 */
export class SnapshotArchive {
  readonly #root: string;

  constructor(directory: string, keyPrefix: string) {
    this.#root = join(directory, keyPrefix === '' ? '_' : encodeURIComponent(keyPrefix).replaceAll('.', '%2E'));
  }

  /** Where a snapshot of this lane may be written; `publish` gives it its name. */
  async draftPath(lane: string, id: string): Promise<string> {
    const directory = this.#laneDirectory(lane);
    return await onDisk(directory, async () => {
      await mkdir(directory, { recursive: true });
      return join(directory, `draft-${id}`);
    });
  }

  /** The finished draft becomes the lane's newest snapshot; all but the newest two go, and old drafts. */
  async publish(lane: string, draft: string, index: Pick<SnapshotIndex, 'record' | 'header'>): Promise<void> {
    const directory = this.#laneDirectory(lane);
    const { nextOffset, seq } = index.record;
    const pad = (value: number, digits: number) => String(value).padStart(digits, '0');
    const name = `${pad(index.header.generation, 5)}-${pad(nextOffset, 16)}-${pad(seq, 16)}.snapshot`;
    await onDisk(directory, async () => {
      await rename(draft, join(directory, name));
      await syncDirectory(directory);
      const drafts = (await readdir(directory)).filter((each) => each.startsWith('draft-'));
      const old = (await this.#names(directory)).slice(keptMax);
      for (const each of [...drafts, ...old]) await rm(join(directory, each), { force: true });
    });
  }

  /**
   * Opens the newest snapshot of the lane and generation that is whole; null when there is none. Each
   * one passed over is told as a fact.
   */
  async openNewest(lane: string, generation: number): Promise<OpenSnapshot | null> {
    const directory = this.#laneDirectory(lane);
    for (const name of await this.#names(directory)) {
      if (Number(namePattern.exec(name)?.[1]) !== generation) continue;
      const snapshot = await this.#tryOpen(lane, join(directory, name));
      if (snapshot !== null) return snapshot;
    }
    return null;
  }

  /** What the newest snapshots of the topic say about its stream; null when there are none. */
  async newestGeneration(topic: string): Promise<{ generation: number; identity: StreamIdentity } | null> {
    let newest: SnapshotHeader | null = null;
    for (const partition of await list(join(this.#root, topic))) {
      if (!/^\d+$/.test(partition)) continue;
      const lane = `${topic}:${partition}`;
      for (const name of await this.#names(this.#laneDirectory(lane))) {
        const generation = Number(namePattern.exec(name)?.[1]);
        if (generation <= (newest?.generation ?? 0)) break;
        const snapshot = await this.#tryOpen(lane, join(this.#laneDirectory(lane), name));
        await snapshot?.[Symbol.asyncDispose]();
        if (snapshot?.index.header.identity != null) newest = snapshot.index.header;
      }
    }
    return newest?.identity == null ? null : { generation: newest.generation, identity: newest.identity };
  }

  /** True when the lane has at least one, whole or not. */
  async has(lane: string, generation: number): Promise<boolean> {
    const names = await this.#names(this.#laneDirectory(lane));
    return names.some((name) => Number(namePattern.exec(name)?.[1]) === generation);
  }

  async #tryOpen(lane: string, path: string): Promise<OpenSnapshot | null> {
    const file = await onDisk(path, () => open(path, 'r'));
    try {
      const index = await onDisk(path, () => indexSnapshot(file, path));
      if (index.header.lane !== lane)
        throw new EngineError('STATE_CORRUPT', `snapshot ${path} is of lane ${index.header.lane}`);
      return { path, file, index, [Symbol.asyncDispose]: () => file.close() };
    } catch (error) {
      await file.close();
      if (!(error instanceof EngineError) || error.code !== 'STATE_CORRUPT') throw error;
      publishFact('snapshot.refused', { lane, path, error });
      return null;
    }
  }

  /** Newest first. */
  async #names(directory: string): Promise<string[]> {
    return (await list(directory))
      .filter((name) => namePattern.test(name))
      .sort()
      .reverse();
  }

  #laneDirectory(lane: string): string {
    const { topic, partition } = splitLane(lane);
    return join(this.#root, topic, partition);
  }
}

export interface OpenSnapshot extends AsyncDisposable {
  readonly path: string;
  readonly file: Awaited<ReturnType<typeof open>>;
  readonly index: SnapshotIndex;
}

async function list(directory: string): Promise<string[]> {
  return await onDisk(directory, async () => {
    try {
      return await readdir(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The disk's trouble as ours: it may pass. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof EngineError || (cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new EngineError('STATE_UNAVAILABLE', `snapshots in ${path}: ${(cause as Error).message}`, { cause });
  }
}
