import type { RecordRun } from '../events/record-run.ts';
import { limits } from '../model/limits.ts';
import { floorTo, minuteMs } from '../model/time.ts';

/** Questions of one lane in a minute of log time that came to nothing. */
interface Vain {
  minute: number;
  readonly byOwner: Map<number, number>;
  all: number;
}

/**
 * Bounds how often a registry is asked for ids that it does not know: each question holds its lane up,
 * and a producer can make up two billion ids. Each organization has its own vain questions for every
 * minute of log time, those that the lane never heard of have theirs together, and a lane has as many
 * as a few of them; ids that the registry knows cost nothing.
 */
export class SchemaQuestions {
  readonly #lanes = new Map<number, Vain>();
  /** Who asked for an id that is not answered yet. */
  readonly #asking = new Map<number, { readonly vain: Vain; readonly owner: number }>();
  readonly #ofRun = new WeakMap<RecordRun, number>();

  /** Whether a record of the run, of `owner`, may have the registry asked for its id. */
  mayAsk(run: RecordRun, owner: number, id: number, logTimeMs: number): boolean {
    const vain = this.#vainOf(run.partition, floorTo(logTimeMs, minuteMs));
    if ((vain.byOwner.get(owner) ?? 0) >= limits.unknownSchemasPerMinuteMax) return false;
    if (vain.all >= limits.unknownSchemasPerMinuteMax * ownersAtOnce) return false;
    const asked = this.#ofRun.get(run) ?? 0;
    // A run is decoded anew after each answer: it must not push its own answers out of the cache.
    if (asked >= limits.schemasKeptMax / 2) return false;
    this.#ofRun.set(run, asked + 1);
    this.#asking.set(id, { vain, owner });
    return true;
  }

  answered(id: number, isKnown: boolean): void {
    const asking = this.#asking.get(id);
    this.#asking.delete(id);
    if (asking === undefined || isKnown) return;
    const { vain, owner } = asking;
    vain.byOwner.set(owner, (vain.byOwner.get(owner) ?? 0) + 1);
    vain.all += 1;
  }

  #vainOf(partition: number, minute: number): Vain {
    let vain = this.#lanes.get(partition);
    if (vain?.minute === minute) return vain;
    vain = { minute, byOwner: new Map(), all: 0 };
    this.#lanes.set(partition, vain);
    return vain;
  }
}

const ownersAtOnce = 16;
