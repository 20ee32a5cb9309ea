import type { Catalog, CatalogTable } from '../../../src/lakehouse/catalog/catalog.ts';
import type { FileIO } from '../../../src/lakehouse/storage/file-io.ts';
import { EngineError } from '../../../src/model/errors.ts';

/** The process is gone: nothing of it goes on. */
export class Killed extends Error {}

/** What a call may meet. Some last for a while. */
const troubles = ['slow', '503', 'lost answer', '409', 'disk full', 'no credentials', 'killed'] as const;
type Trouble = (typeof troubles)[number];

const lasting: Partial<Record<Trouble, number>> = { '409': 4, 'disk full': 5, 'no credentials': 8 };

/** A store and a catalog that trouble the jobs of the lake, as a seed draws it. */
export class Troubles {
  /** How many came. */
  total = 0;
  readonly #random: () => number;
  readonly #rate: number;
  #storm: { readonly trouble: Trouble; left: number } | null = null;

  /** `rate`: of calls that meet one. */
  constructor(random: () => number, rate: number) {
    this.#random = random;
    this.#rate = rate;
  }

  io(io: FileIO): FileIO {
    return {
      create: (uri, bytes) => this.#call(() => io.create(uri, bytes), 'write'),
      read: (uri, range) => this.#call(() => io.read(uri, range), 'read'),
      delete: (uri) => this.#call(() => io.delete(uri), 'write'),
      deleteAll: (uris) => this.#call(() => io.deleteAll(uris), 'write'),
      list: (prefix) => io.list(prefix),
    };
  }

  catalog(catalog: Catalog): Catalog {
    return Object.assign(Object.create(catalog) as Catalog, {
      table: (name: Parameters<Catalog['table']>[0]) => this.#table(catalog.table(name)),
      tables: (namespace: string) => this.#call(() => catalog.tables(namespace), 'read'),
    });
  }

  #table(table: CatalogTable): CatalogTable {
    return {
      load: () => this.#call(() => table.load(), 'read'),
      create: (made) => this.#call(() => table.create(made), 'read'),
      commit: (base, requirements, updates) => this.#call(() => table.commit(base, requirements, updates), 'commit'),
    };
  }

  async #call<T>(work: () => Promise<T>, what: 'read' | 'write' | 'commit'): Promise<T> {
    const trouble = this.#draw(what);
    const away = (why: string) => new EngineError('SINK_UNAVAILABLE', why);
    switch (trouble) {
      case null:
        return await work();
      case 'slow':
        await new Promise((resolve) => setTimeout(resolve, 20));
        return await work();
      case '503':
        throw away('503 Slow Down');
      case 'no credentials':
        throw away('ExpiredToken: the token has expired (HTTP 403)');
      case 'disk full':
        throw away('ENOSPC: no space left on device');
      case '409':
        throw new EngineError('CATALOG_CONFLICT', '409 CommitFailedException');
      case 'killed':
        throw new Killed();
      case 'lost answer':
        await work();
        throw what === 'commit' ? new EngineError('COMMIT_UNKNOWN', 'no answer') : away('socket hang up');
    }
  }

  #draw(what: 'read' | 'write' | 'commit'): Trouble | null {
    const fits = (trouble: Trouble): boolean =>
      trouble === '409' ? what === 'commit' : trouble === 'disk full' ? what === 'write' : true;
    if (this.#storm !== null && this.#storm.left > 0 && fits(this.#storm.trouble)) {
      this.#storm.left -= 1;
      return this.#storm.trouble;
    }
    // Commits are few, and theirs the most telling troubles.
    if (this.#random() >= (what === 'commit' ? 5 * this.#rate : this.#rate)) return null;
    const possible = troubles.filter(fits);
    const trouble = possible[Math.floor(this.#random() * possible.length)];
    this.total += 1;
    this.#storm = { trouble, left: lasting[trouble] ?? 0 };
    return trouble;
  }
}

const runsMax = 200;

/** Runs a job again after each bad end, as a timer would; says how many runs it took. */
export async function untilDone(
  run: () => Promise<unknown>,
  afterTrouble: () => Promise<void> = async () => {},
): Promise<number> {
  for (let runs = 1; ; runs++) {
    try {
      await run();
      return runs;
    } catch (error) {
      const isTrouble = error instanceof Killed || error instanceof EngineError;
      if (!isTrouble || runs >= runsMax) throw error;
      await afterTrouble();
    }
  }
}
