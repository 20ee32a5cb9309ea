import type { Problem } from '../../control/config/problem.ts';
import type { Place } from '../../control/config/yaml-document.ts';
import type { Decoder } from '../../decoders/decoder.ts';
import { runOfRecords } from '../../events/run-of-records.ts';
import { eventsTopic } from '../../model/ids.ts';
import { alertEvents, deadLetters, type ReadRowOf, ruleEvaluations } from '../../rows/tables.ts';
import { LanePlayer } from '../lane-player.ts';
import { type Expectation, isWanted } from './expectation.ts';
import type { RuleTest } from './read-tests.ts';

type Alert = ReadRowOf<typeof alertEvents>;
type Evaluation = ReadRowOf<typeof ruleEvaluations>;

/** What one expectation found instead. */
export interface Failure extends Place {
  /** As written. */
  readonly at: string;
  /** The rule, and whom it was judged for. */
  readonly of: string;
  /** What differs, such as `state` or `p.osi_pct`. */
  readonly what: string;
  readonly got: unknown;
  readonly wanted: unknown;
  /** When it was so, ms since the beginning; null = nothing was judged by then. */
  readonly since: number | null;
}

/** What happened to an alert, in order of time; ms since the beginning. */
export interface TimelineEntry {
  readonly at: number;
  readonly of: string;
  readonly from: string;
  readonly to: string;
  readonly level: string;
  readonly reason: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly summary: string;
}

export interface TestResult extends Place {
  readonly name: string;
  readonly failures: readonly Failure[];
  readonly timeline: readonly TimelineEntry[];
}

/** Plays the test with the operators of the engine. Records that the engine refuses are problems of the file: no result then. */
export async function runTest(
  test: RuleTest,
  decoder: Decoder,
): Promise<{ readonly result: TestResult; readonly problems: readonly Problem[] }> {
  const { records } = test.story;
  const lane = { partition: 0, partitions: 1, generation: 1, planKey: null };
  const player = new LanePlayer(lane, { decoder, tables: [alertEvents, ruleEvaluations, deadLetters] });
  for (let at = 0; at < records.length; at += runLength)
    await player.play(runOfRecords(eventsTopic, 0, records.slice(at, at + runLength)));
  const problems = player.take(deadLetters, ['key', 'raw']).map(({ log_offset, reason, detail }) => ({
    ...test.placeOf(test.story.origins[Number(log_offset)]),
    message: `the engine refuses this record: ${reason}: ${detail}`,
  }));
  const judged = new Judged(test, player.take(alertEvents), player.take(ruleEvaluations));
  const failures = test.expectations.flatMap((expectation) => judged.failuresOf(expectation));
  return {
    result: { ...test.place, name: test.name, failures, timeline: judged.timeline() },
    problems: unique(problems),
  };
}

const runLength = 8_192;

/** A series that is refused is so once a minute. */
function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.line}:${problem.column}`, problem])).values()];
}

/** How an alert stood from `at` on. */
interface Standing {
  readonly at: number;
  readonly of: string;
  readonly state: string;
  readonly level: string;
  readonly outcome: string | null;
  readonly values: Readonly<Record<string, unknown>>;
}

class Judged {
  readonly #test: RuleTest;
  readonly #alerts: readonly Alert[];
  readonly #standings: ReadonlyMap<string, readonly Standing[]>;

  constructor(test: RuleTest, alerts: readonly Alert[], evaluations: readonly Evaluation[]) {
    this.#test = test;
    this.#alerts = alerts.toSorted(byTime);
    // An evaluation at a transition says the same and more, so it comes second.
    const all = [
      ...alerts.map((row) => standingOf(row, { state: row.to_state, outcome: null })),
      ...evaluations.map((row) => standingOf(row, row)),
    ].sort((a, b) => a.at - b.at);
    this.#standings = new Map([...Map.groupBy(all, ({ of }) => of)].map(([of, each]) => [of, keepResolved(each)]));
  }

  timeline(): TimelineEntry[] {
    return this.#alerts.map((row) => ({
      at: Number(row.evaluated_at) - this.#test.time.startMs,
      of: scopeOf(row),
      from: row.from_state,
      to: row.to_state,
      level: row.level,
      reason: row.reason,
      values: JSON.parse(row.values) as Record<string, unknown>,
      summary: row.summary,
    }));
  }

  failuresOf(expectation: Expectation): Failure[] {
    const { rule, text, from } = expectation;
    const scopes = [...this.#standings.keys()].filter((of) => isMeant(of, expectation));
    const asked = [rule, text.campaign, text.flight, text.source, text.order, text.advertiser]
      .filter((each) => each !== undefined)
      .join(' ');
    const base = { ...this.#test.placeOf(expectation.path), at: text.at, of: scopes[0] ?? asked };
    if (scopes.length > 1) {
      const got = `${scopes.length} of them: ${scopes.join('; ')}`;
      return [
        {
          ...base,
          of: asked,
          what: 'alert',
          got,
          wanted: 'one: name campaign, flight, source, order or advertiser',
          since: null,
        },
      ];
    }
    const all = this.#standings.get(scopes[0] ?? '') ?? [];
    const before = all.findLast(({ at }) => at <= from);
    const during = all.filter(({ at }) => at > from && at <= expectation.to);
    for (const standing of [before, ...during]) {
      const found = this.#differences(expectation, standing).map((each) => ({ ...base, ...each }));
      if (found.length > 0) return found;
    }
    return [];
  }

  #differences({ text, values, path }: Expectation, standing: Standing | undefined) {
    const { startMs } = this.#test.time;
    const since = standing === undefined ? null : standing.at - startMs;
    const differences: (Partial<Place> & Pick<Failure, 'what' | 'got' | 'wanted' | 'since'>)[] = [];
    const compare = (key: string, what: string, wanted: unknown, got: unknown, isSame: boolean) => {
      if (wanted === undefined || isSame) return;
      differences.push({ ...this.#test.placeOf([...path, ...key.split('/')]), what, got, wanted, since });
    };
    const state = standing?.state ?? 'ok';
    compare('state', 'state', text.state, state, isState(text.state, state));
    compare('level', 'level', text.level, standing?.level ?? 'none', text.level === (standing?.level ?? 'none'));
    compare('outcome', 'outcome', text.outcome, standing?.outcome ?? 'not judged', text.outcome === standing?.outcome);
    const row = this.#newestAt(standing);
    const told = row?.told || 'nothing';
    compare('told', 'told', text.told, told, text.told === told);
    const withheld = row?.withheld || 'nothing';
    compare('withheld', 'withheld', text.withheld, withheld, text.withheld === withheld);
    if (text.summary !== undefined) {
      const got = row?.summary ?? 'nothing was told';
      compare('summary', 'summary', text.summary, got, got === text.summary);
    }
    for (const [name, wanted] of values) {
      const got = standing?.values[name];
      compare(`values/${name}`, name, wanted, got ?? (got === null ? null : 'not judged'), isWanted(wanted, got));
    }
    return differences;
  }

  /** The newest transition by then. */
  #newestAt(standing: Standing | undefined): Alert | undefined {
    if (standing === undefined) return undefined;
    return this.#alerts.findLast((row) => scopeOf(row) === standing.of && Number(row.evaluated_at) <= standing.at);
  }
}

/** An alert that was resolved is told as in order at later evaluations: it stays resolved until something else happens. */
function keepResolved(standings: readonly Standing[]): Standing[] {
  let isResolved = false;
  return standings.map((standing) => {
    isResolved = standing.state === 'resolved' || (isResolved && standing.state === 'ok');
    return isResolved ? { ...standing, state: 'resolved' } : standing;
  });
}

/** What is resolved is in order: either word is true of it. */
function isState(wanted: string | undefined, got: string): boolean {
  return wanted === got || (wanted === 'ok' && got === 'resolved');
}

function byTime(a: Alert, b: Alert): number {
  return Number(a.evaluated_at) - Number(b.evaluated_at);
}

function standingOf(row: Alert | Evaluation, { state, outcome }: Pick<Standing, 'state' | 'outcome'>): Standing {
  const values = JSON.parse(row.values) as Standing['values'];
  return { at: Number(row.evaluated_at), of: scopeOf(row), state, level: row.level, outcome, values };
}

/** `under-pacing of campaign c1, flight f1`. */
function scopeOf({ rule_id, campaign_id, flight_id, source, group_id, advertiser }: Alert | Evaluation): string {
  const names = [
    campaign_id && `campaign ${campaign_id}`,
    flight_id && `flight ${flight_id}`,
    source && `source ${source}`,
    group_id && `order ${group_id}`,
    advertiser && `advertiser ${advertiser}`,
  ];
  return `${rule_id} of ${names.filter(Boolean).join(', ') || 'the organization'}`;
}

function isMeant(of: string, { rule, text }: Expectation): boolean {
  const [head, names = ''] = of.split(' of ');
  const parts = names.split(', ');
  const { campaign, flight, source, order, advertiser } = text;
  const asked = [
    campaign && `campaign ${campaign}`,
    flight && `flight ${flight}`,
    source && `source ${source}`,
    order && `order ${order}`,
    advertiser && `advertiser ${advertiser}`,
  ];
  return head === rule && asked.filter((each) => each !== undefined).every((each) => parts.includes(String(each)));
}
