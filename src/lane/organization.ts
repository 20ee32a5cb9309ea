import { fnv1a } from '../model/hash.ts';
import type { LaneLimits } from '../model/lane-limits.ts';
import type { AlertState } from '../rules/alert-state.ts';
import type { Plan } from '../rules/plan.ts';
import type { CampaignPlanView } from './campaign.ts';
import type { OrderPace } from './order-pace.ts';
import { duplicateWindowOf, reportsReachMs } from './plan-bounds.ts';
import type { CarriedPart, Carrier } from './sections/section.ts';

/** An alert of a rule that is judged at the organization's timer. */
export interface KeptAlert {
  alert: AlertState | null;
  /** Instant of the last evaluation row. */
  evaluatedAt: number | null;
}

/** What a lane knows of one organization. */
export class Organization implements Carrier {
  readonly slot: number;
  readonly id: string;
  /** Phase of its timer. */
  readonly stagger: number;
  /** Newest complete_through by source. */
  readonly frontiers = new Map<string, number>();
  /** How far it moved the last times that it moved, ms, newest last (`rhythmOf`). */
  readonly rhythms = new Map<string, number[]>();
  /** By `source|rule`; those of rules of scope organization by `|rule`. */
  readonly sourceAlerts = new Map<string, KeptAlert>();
  /** By `advertiser|rule`; null = there are none. */
  advertiserAlerts: Map<string, KeptAlert> | null = null;
  /** What was last said of each order of its plan; null = it has none. */
  orders: Map<string, OrderPace> | null = null;
  /** Reports of periods that began before are late whatever the plan says. */
  reportsSince = Number.NEGATIVE_INFINITY;
  /** Delivery ids met before, by clock and by offset, are forgotten whatever the plan says. */
  duplicatesSince = Number.NEGATIVE_INFINITY;
  duplicatesFrom = Number.NEGATIVE_INFINITY;
  /** Day of the clock for which it is counted what of its quota is used, in days since 1970. */
  quotaDay = Number.NEGATIVE_INFINITY;
  /** Records of that day whose ids are remembered for a month. */
  rareRecords = 0;
  /** Instant of the pending timer, null = none is set. */
  timerAt: number | null = null;
  /** Changed since the last harvest. */
  isDirty = true;
  /** The plan as campaigns see it of which it says nothing special, by the rules that ask for them by id; derived. */
  readonly usualViews = new Map<string, CampaignPlanView>();
  carried: CarriedPart[] | null = null;

  constructor(slot: number, id: string) {
    this.slot = slot;
    this.id = id;
    this.stagger = fnv1a(id);
  }

  /** Counts a record whose id would be remembered for a month; false = it had its share of the day. */
  takeRare(day: number, perDayMax: number): boolean {
    if (day !== this.quotaDay) {
      this.quotaDay = day;
      this.rareRecords = 0;
    }
    if (this.rareRecords >= perDayMax) return false;
    this.rareRecords += 1;
    this.isDirty = true;
    return true;
  }

  /** The plan so far is replaced by the record of `offset`: what it could not reach stays out of reach. */
  outgrow(plan: Plan, clock: number, offset: number, limits: LaneLimits): void {
    const window = duplicateWindowOf(plan, limits);
    this.reportsSince = Math.max(this.reportsSince, clock - reportsReachMs(plan, limits));
    this.duplicatesSince = Math.max(this.duplicatesSince, clock - window.ms);
    this.duplicatesFrom = Math.max(this.duplicatesFrom, offset - window.records);
    this.isDirty = true;
  }
}
