import type { EventBatch, LaneDictionaries } from '../events/event-batch.ts';
import { publishFact } from '../model/facts.ts';
import { grown } from '../model/grown.ts';
import { laneName } from '../model/lane.ts';

/** Told by name at once; those with the most. */
const toldMax = 100;

/** How many records each organization sent since it was last told, and how many were refused. Of no answer a part. */
export class OrganizationCounts {
  /** By dictionary id. */
  #counts = new Int32Array(1_024);
  /** Ids that were counted. */
  readonly #met: number[] = [];
  readonly #letters = new Map<string, number>();
  #dictionaries: LaneDictionaries | null = null;
  #others = 0;

  /** Counts the records of a batch by the organization that their key names. */
  add({ keyOrgs, count, dictionaries }: EventBatch): void {
    this.#dictionaries = dictionaries;
    if (dictionaries.orgs.size > this.#counts.length)
      this.#counts = grown(this.#counts, Math.max(dictionaries.orgs.size, this.#counts.length * 2));
    this.#others += countInto(this.#counts, this.#met, keyOrgs, count);
  }

  addLetter(owner: string): void {
    this.#letters.set(owner, (this.#letters.get(owner) ?? 0) + 1);
  }

  /** Tells whoever listens, and begins anew; also before dictionaries do. */
  tell(topic: string, partition: number): void {
    const { orgs } = this.#dictionaries ?? {};
    if (orgs === undefined) return;
    const records = new Map(this.#met.map((id) => [orgs.text(id), this.#counts[id]]));
    const names = new Set([...records.keys(), ...this.#letters.keys()]);
    const all = [...names].map((orgId) => ({
      orgId,
      records: records.get(orgId) ?? 0,
      letters: this.#letters.get(orgId) ?? 0,
    }));
    all.sort((a, b) => b.records + b.letters - (a.records + a.letters));
    const others = all.slice(toldMax).reduce((sum, each) => sum + each.records, this.#others);
    const lane = laneName({ topic, partition });
    publishFact('organizations.counted', { lane, partition, organizations: all.slice(0, toldMax), others });
    for (const id of this.#met) this.#counts[id] = 0;
    this.#met.length = 0;
    this.#letters.clear();
    this.#others = 0;
  }
}

/** Returns how many name none. */
function countInto(counts: Int32Array, met: number[], keyOrgs: Int32Array, rows: number): number {
  let others = 0;
  for (let row = 0; row < rows; row++) {
    const org = keyOrgs[row];
    if (org < 0) others += 1;
    else if (counts[org]++ === 0) met.push(org);
  }
  return others;
}
