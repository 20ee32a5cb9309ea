import { statfs } from 'node:fs/promises';
import { publishFact } from '../model/facts.ts';
import { type Clock, secondMs } from '../model/time.ts';

/** A place that we write to, by what it is for. */
export interface WatchedDisk {
  readonly use: 'data' | 'warehouse' | 'snapshots';
  readonly directory: string;
}

interface Look {
  readonly disk: WatchedDisk;
  freeBytes: number;
  isFull: boolean;
  /** Why the disk cannot be asked; null when it can. */
  trouble: string | null;
}

/** With less than this the next segment, insert or snapshot may not fit any more. */
export const diskReserveBytes = 64 * 1024 * 1024;
const lookMs = 2 * secondMs;

/**
 * Looks at the disks that the engine writes to, so that a full one is said at once, and by its name, and its end
 * too: each part that writes finds out by itself, in its own words, and some only minutes later.
 */
export class DiskWatch implements Disposable {
  readonly #looks: readonly Look[];
  readonly #clock: Clock;
  readonly #freeBytesOf: (directory: string) => Promise<number>;
  readonly #stop = new AbortController();

  constructor(disks: readonly WatchedDisk[], clock: Clock, freeBytesOf = freeBytes) {
    this.#looks = disks.map((disk) => ({ disk, freeBytes: Number.POSITIVE_INFINITY, isFull: false, trouble: null }));
    this.#clock = clock;
    this.#freeBytesOf = freeBytesOf;
  }

  /** Looks, and goes on looking until disposed of. */
  async start(): Promise<void> {
    await this.look();
    void this.#goOn();
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#stop;
    const isOver = () => signal.aborted;
    while (!isOver()) {
      await this.#clock.sleep(lookMs, signal).catch(() => undefined);
      if (!isOver()) await this.look();
    }
  }

  async look(): Promise<void> {
    for (const look of this.#looks) {
      const { use, directory } = look.disk;
      try {
        look.freeBytes = await this.#freeBytesOf(directory);
        look.trouble = null;
      } catch (error) {
        // The directory is gone, or its disk: whoever writes there next will say more.
        look.trouble = error instanceof Error ? error.message : String(error);
        continue;
      }
      // Full until twice the reserve is free, so that it is not said with every segment that comes and goes.
      const isFull = look.freeBytes < (look.isFull ? 2 : 1) * diskReserveBytes;
      publishFact('disk.looked', { use, directory, freeBytes: look.freeBytes, isFull, wasFull: look.isFull });
      look.isFull = isFull;
    }
  }

  /** In words; null when there is room everywhere. */
  whyFull(): string | null {
    const full = this.#looks.find(({ isFull, trouble }) => isFull || trouble !== null);
    if (full === undefined) return null;
    if (full.trouble !== null) return `the disk of ${full.disk.directory} cannot be asked for room: ${full.trouble}`;
    const { disk, freeBytes: free } = full;
    return `the disk of ${disk.directory} (${disk.use}) is full: ${Math.floor(free / 1_048_576)} MiB are free; free some space, and the engine goes on by itself`;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}

async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
