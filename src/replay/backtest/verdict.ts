import { dayMs } from '../../model/time.ts';
import type { alertEvents, pacingSnapshots, ReadRowOf } from '../../rows/tables.ts';

type AlertRow = ReadRowOf<typeof alertEvents>;
type SnapshotRow = ReadRowOf<typeof pacingSnapshots>;

/** Times of a backtest, epoch ms; what is told from `fromMs` on and before `toMs` counts. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

/** An alert that people would have been told of, from when it fired to when it was over. */
export interface Episode {
  readonly org: string;
  readonly rule: string;
  readonly campaign: string;
  readonly flight: string;
  readonly source: string;
  readonly mode: string;
  /** Epoch ms. */
  readonly startMs: number;
  /** Null = it was not over at the end of the period. */
  readonly endMs: number | null;
  /** The highest one that it had; no_data or error where it had none. */
  readonly level: string;
  readonly summary: string;
  /** Between its beginning and the end of its flight's money, ms; null = the money was not gone, or before. */
  readonly beforeGoneMs: number | null;
}

/** What came of a lane, or of all of them. */
export interface Verdict {
  readonly episodes: readonly Episode[];
  /** Days on which a campaign had a flight that was judged: seven are a campaign-week. */
  readonly campaignDays: number;
  /** Flights whose money was gone in the period, while they went on. */
  readonly goneFlights: number;
  /** Those of them that some alert had spoken of before. */
  readonly foretoldFlights: number;
}

const gone = new Set(['exhausted', 'overspent_after_cut']);
const notJudged = new Set(['stale_data', 'not_started', 'ended_full', 'ended_over', 'ended_under']);
const told = new Set(['firing', 'recovering', 'no_data', 'error']);
/** What else an alert may be when it comes, no_data or error, is below them. */
const levels = ['warning', 'critical'];

/** Folds the rows of a lane, in the order in which they are made, into its verdict. */
export class VerdictMaker {
  readonly #period: Period;
  readonly #open = new Map<string, Episode>();
  readonly #done: Episode[] = [];
  readonly #days = new Set<string>();
  /** By flight: when its money was first gone. */
  readonly #gone = new Map<string, number>();

  constructor(period: Period) {
    this.#period = period;
  }

  snapshot(row: SnapshotRow): void {
    const at = Number(row.evaluated_at);
    const flight = `${row.org_id} ${row.campaign_id} ${row.flight_id}`;
    if (gone.has(row.status)) {
      if (!this.#gone.has(flight)) this.#gone.set(flight, at);
    } else if (!notJudged.has(row.status)) this.#gone.delete(flight);
    if (at < this.#period.fromMs || at >= this.#period.toMs || notJudged.has(row.status)) return;
    this.#days.add(`${row.org_id} ${row.campaign_id} ${Math.floor(at / dayMs)}`);
  }

  alert(row: AlertRow): void {
    const at = Number(row.evaluated_at);
    const open = this.#open.get(row.fingerprint);
    if (told.has(row.to_state)) {
      const isHigher = open !== undefined && levels.indexOf(row.level) > levels.indexOf(open.level);
      if (open === undefined) this.#open.set(row.fingerprint, episodeOf(row, at));
      else if (isHigher) this.#open.set(row.fingerprint, { ...open, level: row.level });
    } else if (open !== undefined) {
      this.#open.delete(row.fingerprint);
      this.#done.push({ ...open, endMs: at });
    }
  }

  verdict(): Verdict {
    const { fromMs, toMs } = this.#period;
    const isInside = (at: number) => at >= fromMs && at < toMs;
    const episodes = [...this.#done, ...this.#open.values()]
      .filter(({ startMs }) => isInside(startMs))
      .map((each) => ({ ...each, beforeGoneMs: this.#beforeGone(each) }))
      .sort(inOrder);
    const goneFlights = [...this.#gone].filter(([, at]) => isInside(at)).map(([flight]) => flight);
    const foretold = new Set(episodes.filter(({ beforeGoneMs }) => beforeGoneMs !== null).map(flightOf));
    return {
      episodes,
      campaignDays: this.#days.size,
      goneFlights: goneFlights.length,
      foretoldFlights: goneFlights.filter((flight) => foretold.has(flight)).length,
    };
  }

  #beforeGone(episode: Episode): number | null {
    const at = this.#gone.get(flightOf(episode));
    return at === undefined || at <= episode.startMs ? null : at - episode.startMs;
  }
}

function episodeOf(row: AlertRow, startMs: number): Episode {
  const { org_id: org, rule_id: rule, campaign_id: campaign, flight_id: flight, source, mode, summary } = row;
  const level = row.level === 'none' ? row.to_state : row.level;
  return { org, rule, campaign, flight, source, mode, startMs, endMs: null, level, summary, beforeGoneMs: null };
}

function flightOf({ org, campaign, flight }: Episode): string {
  return `${org} ${campaign} ${flight}`;
}

/** By time, and then by whom they are about: the same whichever lane was done first. */
export function inOrder(a: Episode, b: Episode): number {
  return a.startMs - b.startMs || (whoOf(a) < whoOf(b) ? -1 : 1);
}

/** The rule and whom it is about. */
export function whoOf({ org, rule, campaign, flight, source }: Episode): string {
  return [org, rule, campaign, flight, source].join(' ');
}

export function mergeVerdicts(all: readonly Verdict[]): Verdict {
  const sum = (count: (verdict: Verdict) => number) => all.reduce((total, each) => total + count(each), 0);
  return {
    episodes: all.flatMap(({ episodes }) => episodes).sort(inOrder),
    campaignDays: sum(({ campaignDays }) => campaignDays),
    goneFlights: sum(({ goneFlights }) => goneFlights),
    foretoldFlights: sum(({ foretoldFlights }) => foretoldFlights),
  };
}
