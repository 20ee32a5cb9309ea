import { fnv1a } from '../model/hash.ts';
import type { AlertState } from '../rules/alert-state.ts';
import type { CampaignPlanView } from './campaign.ts';
import type { CarriedPart, Carrier } from './sections/section.ts';

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
  /** By `source|rule`; with the instant of the last evaluation row. */
  readonly sourceAlerts = new Map<string, { alert: AlertState | null; evaluatedAt: number | null }>();
  /** Instant of the pending timer, null = none is set. */
  timerAt: number | null = null;
  /** Changed since the last harvest. */
  isDirty = true;
  /** The plan as campaigns see it of which it says nothing special; derived. */
  usualView: CampaignPlanView | null = null;
  carried: CarriedPart[] | null = null;

  constructor(slot: number, id: string) {
    this.slot = slot;
    this.id = id;
    this.stagger = fnv1a(id);
  }
}
