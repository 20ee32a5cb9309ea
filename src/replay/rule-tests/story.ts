import type { AvroRecord } from '../../events/avro/schema.ts';
import type { KindName } from '../../events/kinds.ts';
import type { LaneRecord } from '../../events/run-of-records.ts';
import { minuteMs } from '../../model/time.ts';
import type { Plan } from '../../rules/plan.ts';
import { planRecordAt } from '../chosen-plans.ts';
import { FieldProblem, recordFields, type TestTime } from './event-fields.ts';

/** Where in its file something of a test is written. */
export type Path = readonly (string | number)[];

/** The fields with which a kind is read; undefined = there is no such kind, or it is not for producers. */
export type SchemaOf = (kind: string) => AvroRecord | undefined;

/** Something at `path` cannot be. */
export class StoryProblem extends Error {
  readonly path: Path;
  /** Character inside the text at `path`. */
  readonly inside: number;
  constructor(path: Path, message: string, inside = 0) {
    super(message);
    this.path = path;
    this.inside = inside;
  }
}

export const testOrg = 'acme';

interface Told {
  readonly logTime: number;
  readonly record: Omit<LaneRecord, 'offset' | 'logTime'>;
  readonly origin: Path;
}

/** A log of one lane with where each record comes from. */
export interface Story {
  readonly records: readonly LaneRecord[];
  /** By offset. */
  readonly origins: readonly Path[];
}

/** What fills the fields that every record has, unless it says them itself. */
interface StoryDefaults {
  readonly source: string;
  readonly currency: string;
  readonly costBasis: string;
}

/** Tells records on the virtual clock of a test, in any order; `end` puts them in theirs. */
export class StoryTeller {
  readonly #time: TestTime;
  readonly #schemaOf: SchemaOf;
  readonly #defaults: StoryDefaults;
  readonly #told: Told[] = [];
  #ids = 0;
  #ledgerVersion = 0;

  constructor(time: TestTime, schemaOf: SchemaOf, defaults: StoryDefaults) {
    this.#time = time;
    this.#schemaOf = schemaOf;
    this.#defaults = defaults;
  }

  plan(plan: Plan): void {
    const { key, value } = planRecordAt({ offset: 0, logTime: this.#time.startMs }, plan);
    this.#told.push({ logTime: this.#time.startMs, record: { key, value }, origin: [] });
  }

  /** A record of `kind` that the log takes at `at`; fields in the words of people. */
  tell(kind: KindName, at: number, written: Readonly<Record<string, unknown>>, origin: Path): void {
    const schema = this.#schemaOf(kind);
    if (schema === undefined) throw new StoryProblem(origin, `there is no event "${kind}"`);
    let fields: Record<string, unknown>;
    try {
      fields = recordFields(schema, written, this.#time);
    } catch (cause) {
      if (cause instanceof FieldProblem) throw new StoryProblem([...origin, cause.field], cause.message);
      throw cause;
    }
    const value = { type: kind, ...this.#given(schema, at), ...fields };
    this.#told.push({ logTime: at, record: recordOf(value), origin });
  }

  /** Time passes to `until` in minutes, as it does when nobody sends. */
  end(until: number): Story {
    const { startMs } = this.#time;
    for (let at = startMs + minuteMs; at < until + minuteMs; at += minuteMs)
      this.#told.push({ logTime: Math.min(at, until), record: tick, origin: [] });
    const told = this.#told.filter(({ logTime }) => logTime <= until).sort((a, b) => a.logTime - b.logTime);
    return {
      records: told.map(({ logTime, record }, offset) => ({ offset, logTime, ...record })),
      origins: told.map(({ origin }) => origin),
    };
  }

  /** The fields that a producer fills without thinking, where the kind has them. */
  #given({ fields }: AvroRecord, at: number): Record<string, unknown> {
    this.#ids += 1;
    const has = new Set(fields.map(({ name }) => name));
    if (has.has('ledger_version')) this.#ledgerVersion += 1;
    const { source, currency, costBasis } = this.#defaults;
    const all = {
      event_id: this.#ids.toString(16).padStart(32, '0'),
      org_id: testOrg,
      event_time: at,
      source,
      currency,
      basis: costBasis,
      effective_at: at,
      ledger_version: this.#ledgerVersion,
    };
    return Object.fromEntries(Object.entries(all).filter(([name]) => has.has(name)));
  }
}

function recordOf(value: Readonly<Record<string, unknown>>): Told['record'] {
  return { key: Buffer.from(String(value.org_id)), value: Buffer.from(JSON.stringify(value)) };
}

const tick = { key: null, value: Buffer.from(JSON.stringify({ type: 'tick' })) };
