import { assert } from '../../model/errors.ts';
import { hourMs, minuteMs } from '../../model/time.ts';
import type { PlanDraft, SpendPlan } from '../../rules/plan.ts';
import { dayOf, knowsField, type TestTime, unknownField } from './event-fields.ts';
import { readSeries, type Series, SeriesProblem } from './series.ts';
import { type Path, type SchemaOf, StoryProblem, type StoryTeller } from './story.ts';
import type { CampaignText, FlightText, SeriesTexts } from './test-file.ts';

interface CampaignOfTest {
  readonly id: string;
  readonly text: CampaignText;
  readonly path: Path;
}

interface Stage {
  readonly teller: StoryTeller;
  readonly time: TestTime;
  readonly schemaOf: SchemaOf;
  readonly draft: PlanDraft;
  /** Epoch ms. */
  readonly endMs: number;
}

/** Tells the flights of a campaign; throws StoryProblem. */
export function tellFlights({ id, text, path }: CampaignOfTest, stage: Stage): void {
  for (const [flightId, flight] of Object.entries(text.flights ?? {}))
    tellFlight({ id, flightId, flight, path: [...path, 'flights', flightId] }, stage);
}

/** Keys of ours in a flight; each other one is a field of the record that has it. */
const flightKeys = new Set(['from', 'to', 'days']);

function tellFlight(
  { id, flightId, flight, path }: { id: string; flightId: string; flight: FlightText; path: Path },
  { teller, time, schemaOf }: Stage,
): void {
  const { from, to, days } = flight;
  const first = from === undefined ? time.zone.localDay(time.startMs) : dayIn(from, [...path, 'from']);
  const last = to === undefined ? first + (days ?? 10) - 1 : dayIn(to, [...path, 'to']);
  if (to !== undefined && days !== undefined)
    throw new StoryProblem([...path, 'days'], 'a flight has either to or days');
  const fields = Object.entries(flight).filter(([key]) => !flightKeys.has(key));
  const [flights, budgets] = [schemaOf('flight_changed'), schemaOf('budget_changed')];
  assert(flights !== undefined && budgets !== undefined, 'flights and budgets are events');
  const ofFlight = fields.filter(([key]) => knowsField(flights, key));
  const ofBudget = fields.filter(([key]) => knowsField(budgets, key) && !knowsField(flights, key));
  const stray = fields.find(([key]) => !knowsField(flights, key) && !knowsField(budgets, key));
  if (stray !== undefined)
    throw new StoryProblem([...path, stray[0]], unknownField(stray[0], [flights, budgets], [...flightKeys]));
  const names = { campaign_id: id, flight_id: flightId };
  const dates = { start_local: first, end_local: last, tz: time.zone.id };
  teller.tell('flight_changed', time.startMs, { ...names, ...dates, ...Object.fromEntries(ofFlight) }, path);
  if (ofBudget.length > 0)
    teller.tell('budget_changed', time.startMs, { ...names, ...Object.fromEntries(ofBudget) }, path);
}

function dayIn(text: string, path: Path): number {
  const day = dayOf(text);
  if (day === null) throw new StoryProblem(path, `"${text}": must be a day like 2026-03-04`);
  return day;
}

/**
 * Tells what flows in a campaign: impressions come by the minute, and a feed tells each hour when it is over. Throws
 * StoryProblem.
 */
export function tellSeries({ id, text, path }: CampaignOfTest, stage: Stage): void {
  const { time, draft, endMs } = stage;
  const texts = text.series ?? {};
  const at = [...path, 'series'];
  const series = new Map<keyof SeriesTexts, Series>();
  for (const name of Object.keys(texts) as (keyof SeriesTexts)[])
    series.set(name, readAt(texts[name] ?? '', [...at, name]));
  const spend = draft.campaigns[id]?.spend ?? draft.defaults.spend;
  const isFed = spend.from === 'feed';
  const fed = series.get('spend');
  if (isFed && fed !== undefined) tellFeed(id, fed, sourceOf(spend), [...at, 'spend'], stage);
  if (series.size === 0) return;
  const step = new Step(id, series, isFed, at, stage.teller);
  for (let from = 0; time.startMs + from <= endMs; from += minuteMs) step.tell(from, time.startMs + from);
}

function readAt(text: string, path: Path): Series {
  try {
    return readSeries(text);
  } catch (cause) {
    if (cause instanceof SeriesProblem) throw new StoryProblem(path, cause.message, cause.at);
    throw cause;
  }
}

function sourceOf({ source, sources }: SpendPlan): string | undefined {
  return sources?.[0] ?? (source === '' ? undefined : source);
}

function tellFeed(
  id: string,
  spend: Series,
  source: string | undefined,
  path: Path,
  { teller, time, endMs }: Stage,
): void {
  const { startMs } = time;
  for (let from = 0; startMs + from + hourMs <= endMs; from += hourMs) {
    const amount = spend.amountIn(from, from + hourMs);
    if (amount === 0n) continue;
    const period = { period_start: startMs + from, period_end: startMs + from + hourMs };
    const fields = { campaign_id: id, amount_micros: Number(amount), ...period, ...(source && { source }) };
    teller.tell('spend', startMs + from + hourMs, fields, path);
  }
}

/** What a minute of a campaign brings: at most one record of each sort. */
class Step {
  readonly #campaign: { readonly campaign_id: string };
  readonly #series: ReadonlyMap<keyof SeriesTexts, Series>;
  readonly #isFed: boolean;
  readonly #path: Path;
  readonly #teller: StoryTeller;
  #from = 0;

  constructor(
    id: string,
    series: ReadonlyMap<keyof SeriesTexts, Series>,
    isFed: boolean,
    path: Path,
    teller: StoryTeller,
  ) {
    this.#campaign = { campaign_id: id };
    this.#series = series;
    this.#isFed = isFed;
    this.#path = path;
    this.#teller = teller;
  }

  tell(from: number, at: number): void {
    this.#from = from;
    this.#tellImpressions(at);
    const invalid = this.#count('invalid_impressions');
    if (invalid > 0) this.#say('impression', at, { batch_count: invalid, ivt: 'GIVT' }, 'invalid_impressions');
    const clicks = this.#count('clicks');
    if (clicks > 0) this.#say('click', at, { batch_count: clicks }, 'clicks');
    for (let left = this.#count('video_completes'); left > 0; left--)
      this.#say('video_progress', at, { event: 'COMPLETE' }, 'video_completes');
    this.#tellConversions(at);
    this.#tellAuctions(at);
  }

  #tellImpressions(at: number): void {
    const cost = this.#isFed ? 0n : this.#amount('spend');
    const hasCounts = this.#series.has('impressions');
    const viewable = this.#count('viewable_impressions');
    const impressions = hasCounts ? this.#count('impressions') : Math.max(viewable, cost > 0n ? 1 : 0);
    if (cost > 0n && impressions === 0)
      this.#fail('spend', 'money flows here, and no impression to carry it: raise impressions, or leave them out');
    if (viewable > impressions) this.#fail('viewable_impressions', 'more of them than impressions');
    const rest = impressions - viewable;
    if (rest > 0)
      this.#say(
        'impression',
        at,
        { batch_count: rest, cost_micros: Number(cost) },
        hasCounts ? 'impressions' : 'spend',
      );
    if (viewable === 0) return;
    const seen = { measurable: true, viewable: true, batch_count: viewable };
    this.#say('impression', at, { ...seen, cost_micros: rest > 0 ? 0 : Number(cost) }, 'viewable_impressions');
  }

  #tellConversions(at: number): void {
    const revenue = this.#amount('revenue');
    const conversions = this.#series.has('conversions') ? this.#count('conversions') : 0;
    if (conversions === 0 && revenue === 0n) return;
    const fields = { conversion_time: at, touch_time: at, weight: conversions, revenue_micros: Number(revenue) };
    this.#say('conversion', at, { ...fields, attribution: 'CLICK' }, conversions > 0 ? 'conversions' : 'revenue');
  }

  #tellAuctions(at: number): void {
    const [requests, bids, wins] = [this.#count('requests'), this.#count('bids'), this.#count('wins')];
    if (requests + bids + wins === 0) return;
    const known = (['requests', 'bids', 'wins'] as const).find((name) => this.#series.has(name)) ?? 'bids';
    this.#say('auction_stats', at, { minute: at - (at % minuteMs), requests, bids, wins }, known);
  }

  #say(kind: Parameters<StoryTeller['tell']>[0], at: number, fields: object, series: keyof SeriesTexts): void {
    this.#teller.tell(kind, at, { ...this.#campaign, ...fields }, [...this.#path, series]);
  }

  #fail(series: keyof SeriesTexts, message: string): never {
    throw new StoryProblem([...this.#path, series], message);
  }

  #amount(name: keyof SeriesTexts): bigint {
    return this.#series.get(name)?.amountIn(this.#from, this.#from + minuteMs) ?? 0n;
  }

  /** Whole ones: what a minute is short of comes with a later one. */
  #count(name: keyof SeriesTexts): number {
    const series = this.#series.get(name);
    if (series === undefined) return 0;
    const until = (t: number) => series.amountIn(0, t) / 1_000_000n;
    return Number(until(this.#from + minuteMs) - until(this.#from));
  }
}
