import { spawnSync } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';

/** A file system of its own, so that it can be full without hurting anybody else. */
export class SmallDisk {
  readonly directory: string;
  readonly #megabytes: number;
  /** Why it cannot be made full; null when it can. */
  readonly whyNot: string | null;

  private constructor(directory: string, megabytes: number, whyNot: string | null) {
    this.directory = directory;
    this.#megabytes = megabytes;
    this.whyNot = whyNot;
  }

  /** Mounts memory as a disk where this process may; else an ordinary directory that says why not. */
  static make(directory: string, megabytes: number): SmallDisk {
    mkdirSync(directory, { recursive: true });
    const whyNot = mount(['-o', `size=${megabytes}m,mode=700`, 'paceline-chaos', directory]);
    const disk = new SmallDisk(directory, megabytes, whyNot);
    // However we end, the mount must not stay.
    process.once('exit', () => disk.unmount());
    return disk;
  }

  /** Leaves room for about so many bytes more, until `free`; false when others wrote too fast for that. */
  fill(leaveBytes: number): boolean {
    const { blocks, bfree, bsize } = statfsSync(this.directory);
    const used = (blocks - bfree) * bsize;
    return this.#resize(`${used + leaveBytes}`) === null;
  }

  free(): void {
    const problem = this.#resize(`${this.#megabytes}m`);
    if (problem !== null) throw new Error(`${this.directory} cannot be freed: ${problem}`);
  }

  unmount(): void {
    if (this.whyNot === null) spawnSync('umount', ['--lazy', this.directory]);
  }

  /** Null when done, else why not: a disk cannot become smaller than what it holds. */
  #resize(size: string): string | null {
    return mount(['-o', `remount,size=${size}`, 'paceline-chaos', this.directory]);
  }
}

function mount(options: readonly string[]): string | null {
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', ...options], { encoding: 'utf8' });
  return status === 0 ? null : (error?.message ?? stderr.trim());
}
