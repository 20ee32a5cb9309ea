import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/** A small file system of its own, so that it can be filled without hurting anybody else. */
export class SmallDisk {
  readonly directory: string;
  readonly #isMounted: boolean;
  /** Why it cannot be filled; null when it can. */
  readonly whyNot: string | null;

  private constructor(directory: string, whyNot: string | null) {
    this.directory = directory;
    this.whyNot = whyNot;
    this.#isMounted = whyNot === null;
  }

  /** Mounts memory as a disk where this process may; else an ordinary directory that says why not. */
  static make(directory: string, megabytes: number): SmallDisk {
    mkdirSync(directory, { recursive: true });
    const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'paceline-chaos', directory];
    const { status, stderr, error } = spawnSync('mount', options, { encoding: 'utf8' });
    if (status === 0) return new SmallDisk(directory, null);
    return new SmallDisk(directory, error?.message ?? stderr.trim());
  }

  /** Takes all room but about `leaveBytes`, until `free`; false when others wrote too fast to take it. */
  fill(leaveBytes: number): boolean {
    for (let attempt = 0; attempt < 10; attempt++) {
      const { bavail, bsize } = statfsSync(this.directory);
      const bytes = Math.max(0, Number(bavail) * Number(bsize) - leaveBytes);
      if (spawnSync('fallocate', ['-l', String(bytes), this.#filler]).status === 0) return true;
    }
    return false;
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  unmount(): void {
    if (this.#isMounted) spawnSync('umount', ['--lazy', this.directory]);
  }

  get #filler(): string {
    return join(this.directory, 'filler');
  }
}
