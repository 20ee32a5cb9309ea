import { attributions, costBases, flag, quartiles } from './event-batch.ts';
import {
  count,
  currency,
  day,
  type EventColumn,
  flagOf,
  instant,
  label,
  maybeCurrency,
  maybeInstant,
  money,
  moneyPerThousand,
  smallCount,
  symbol,
  symbolFlag,
  weight,
} from './event-columns.ts';

/**
 * What is known of a kind of record, declared once: decoders, checks, duplicates, look-ahead, booking
 * and docs/events.md go by it. A kind is added here, and the compiler names what else must know it.
 */
export interface KindFacts {
  /** Stands for the kind in the columns of a batch. Nothing stores it, and nothing goes by its order. */
  readonly number: number;
  /**
   * `delivery`: one of many, of a campaign; its event id is remembered for hours. `rare`: money,
   * conversions and decisions about a campaign; its id is remembered for a month.
   * `organization`: tells something about an organization, and may be repeated. `system`: ours.
   */
  readonly class: KindClass;
  /** Changes what the records after it mean, so it has a segment of its own. */
  readonly standsAlone: boolean;
  /** Enters the ledgers of flights (`follow-flights.ts`). */
  readonly isControl: boolean;
  /** Comes so often that generated code reads it, without an object of its fields. */
  readonly isHot: boolean;
  /** Carries an object beside its columns (`Detail` in event-batch.ts). */
  readonly hasDetail: boolean;
  /** Fields that the checks look at or that are summed; those of the envelope aside. */
  readonly columns: Readonly<Record<string, EventColumn>>;
  /** Fields beside event_time that must not lie in the future; a day by its first instant. */
  readonly instants: readonly string[];
  /** Field that says where it is booked; null = event_time. */
  readonly bookedAt: readonly string[] | null;
  /** What decides how long after that it may come (docs/semantics.md §2.6). */
  readonly lateness: Lateness;
  /** Money of a record that came too late; null = it carries none. */
  readonly money: string | null;
  /** Its money is media money, which has the campaign's one currency. */
  readonly isMedia: boolean;
  /** It is told by a clock that is not ours: the device of somebody, or whoever asks a platform. */
  readonly mayRunAhead: boolean;
}

type KindClass = 'delivery' | 'rare' | 'organization' | 'system';
export type Lateness = 'delivery' | 'report' | 'conversion' | 'correction' | 'control' | 'never';

const validity = symbolFlag(flag.invalid, ['NONE', 'GIVT', 'SIVT']);

const delivery = {
  class: 'delivery',
  standsAlone: false,
  isControl: false,
  isHot: true,
  hasDetail: false,
  instants: [],
  bookedAt: null,
  lateness: 'delivery',
  money: null,
  isMedia: false,
  mayRunAhead: false,
} as const;

const rare = { ...delivery, class: 'rare', lateness: 'control' } as const;

/** What a feed says of a period; it may bring a flight back that was over, whose timer is then due in another minute. */
const report = {
  ...rare,
  isHot: false,
  hasDetail: true,
  instants: ['period_start', 'as_of'],
  bookedAt: ['period_start'],
  lateness: 'report',
  mayRunAhead: true,
} as const;

/** Decisions and corrections: few, and what comes after them means something else. */
const decision = { ...rare, standsAlone: true, isHot: false, hasDetail: true } as const;

const ours = { ...delivery, class: 'system', isHot: false, columns: {}, lateness: 'never' } as const;

export const kinds = {
  tick: { ...ours, number: 1 },
  org_plan: { ...ours, number: 2, standsAlone: true, hasDetail: true },
  impression: {
    ...delivery,
    number: 3,
    mayRunAhead: true,
    columns: {
      currency,
      cost_micros: money('amount', 0),
      cpm_micros: moneyPerThousand('amount2', 0),
      basis: symbol('basis', costBases, 'MEDIA'),
      batch_count: smallCount(1, 1),
      measurable: flagOf(flag.measurable),
      viewable: flagOf(flag.viewable),
      ivt: validity,
    },
    money: 'cost_micros',
    isMedia: true,
  },
  click: {
    ...delivery,
    number: 4,
    mayRunAhead: true,
    columns: { currency, cost_micros: money('amount', 0), ivt: validity, batch_count: smallCount(1, 1) },
    money: 'cost_micros',
    isMedia: true,
  },
  video_progress: { ...delivery, number: 5, mayRunAhead: true, columns: { event: symbol('code', quartiles) } },
  conversion: {
    ...rare,
    number: 6,
    mayRunAhead: true,
    columns: {
      currency,
      conversion_time: instant('t1'),
      touch_time: maybeInstant('t2'),
      weight: weight('amount2'),
      revenue_micros: money('amount', 0),
      reversal: flagOf(flag.reversal),
      conversion_type: label,
      attribution: symbol('code', attributions, 'NONE'),
    },
    instants: ['conversion_time', 'touch_time'],
    bookedAt: ['conversion_time'],
    lateness: 'conversion',
    money: 'revenue_micros',
  },
  spend: {
    ...report,
    number: 7,
    isHot: true,
    columns: {
      currency,
      amount_micros: money('amount'),
      basis: symbol('basis', costBases, 'MEDIA'),
      period_start: instant('t1'),
      as_of: maybeInstant('t2'),
      cumulative: flagOf(flag.cumulative),
    },
    money: 'amount_micros',
    isMedia: true,
  },
  performance_report: {
    ...report,
    number: 16,
    columns: {
      currency: maybeCurrency,
      spend_micros: money('amount', 0),
      basis: symbol('basis', costBases, 'MEDIA'),
      period_start: instant('t1'),
      as_of: maybeInstant('t2'),
    },
    money: 'spend_micros',
  },
  spend_adjustment: {
    ...rare,
    number: 8,
    isHot: false,
    hasDetail: true,
    lateness: 'correction',
    isMedia: true,
    columns: { currency, delta_micros: money('amount'), applies_to: day('t1') },
    instants: ['applies_to'],
    bookedAt: ['applies_to'],
    money: 'delta_micros',
  },
  metric_correction: {
    ...decision,
    number: 9,
    columns: { applies_to: day('t1') },
    lateness: 'correction',
    instants: ['applies_to'],
    bookedAt: ['applies_to'],
  },
  budget_changed: { ...decision, number: 10, isControl: true, columns: { currency } },
  flight_changed: { ...decision, number: 11, isControl: true, columns: {} },
  status_changed: { ...decision, number: 12, isControl: true, columns: {} },
  creative_status: { ...decision, number: 13, columns: {} },
  auction_stats: {
    ...delivery,
    number: 14,
    columns: { minute: instant('t1'), requests: count('amount'), bids: count('amount2'), wins: smallCount(0) },
    instants: ['minute'],
    bookedAt: ['minute'],
  },
  source_heartbeat: {
    ...decision,
    number: 15,
    class: 'organization',
    columns: { complete_through: instant('t1') },
    instants: ['complete_through'],
    mayRunAhead: true,
    lateness: 'never',
  },
} as const satisfies Readonly<Record<string, KindFacts>>;

/** What a producer, or we, may send. */
export type KindName = keyof typeof kinds;
/** What a row of a batch may be: a kind, or a record that could not be read. */
export type RowKindName = KindName | 'rejected';

type Facts = typeof kinds;
type NamesOf<Wanted> = { [Name in KindName]: Facts[Name] extends Wanted ? Name : never }[KindName];
export type ControlKind = NamesOf<{ isControl: true }>;
export type DetailKind = NamesOf<{ hasDetail: true }>;
type SystemKind = NamesOf<{ class: 'system' }>;
/** What producers send. */
export type EventKind = Exclude<KindName, SystemKind>;

/** The numbers of kinds in the column `kinds` of a batch. */
type Numbers = { readonly [Name in KindName]: Facts[Name]['number'] } & { readonly rejected: 0 };
export type KindNumber = Numbers[RowKindName];

export const kindsByName = Object.entries(kinds) as readonly (readonly [KindName, KindFacts])[];
/** A kind's number, by name. */
export const kind = {
  rejected: 0,
  ...Object.fromEntries(kindsByName.map(([name, { number }]) => [name, number])),
} as Numbers;
/** A row's kind, by number. */
export const rowKindNames: readonly RowKindName[] = namesByNumber();
/** Kinds that producers send, in the order of the table. */
export const eventKinds = kindsByName.flatMap(([name, facts]) => (facts.class === 'system' ? [] : [name as EventKind]));

const timeless = new Set<number>(kindsByName.flatMap(([, facts]) => (facts.class === 'system' ? [facts.number] : [])));

/** Whether records of this kind say when they happened; for ours the log's own time says it. */
export function hasEventTime(recordKind: number): boolean {
  return !timeless.has(recordKind);
}

function namesByNumber(): RowKindName[] {
  const names: RowKindName[] = ['rejected'];
  for (const [name, { number }] of kindsByName) names[number] = name;
  return names;
}
