import type { EventBatch } from '../events/event-batch.ts';
import type { LaneState } from '../lane/lane-state.ts';
import type { LaneLimits } from '../model/lane-limits.ts';
import { dayMs } from '../model/time.ts';
import type { DuplicateCheck } from './duplicate-check.ts';

/**
 * What one organization may have of a lane (docs/semantics.md §2). Beyond it the organization alone is
 * refused, with dead letters `quota`; each check answers with their sentence, or null.
 */
export class CheckQuotas {
  readonly #state: LaneState;
  readonly #limits: LaneLimits;
  readonly #duplicates: DuplicateCheck;

  constructor(state: LaneState, duplicates: DuplicateCheck) {
    this.#state = state;
    this.#limits = state.limits;
    this.#duplicates = duplicates;
  }

  /** Whether nobody knows the organization, and as many as there is room for are known. */
  isUninvited(batch: EventBatch, row: number): boolean {
    return !this.#duplicates.knows(batch.orgs[row]) && this.#isFull(1) && !this.isKnown(batch, row);
  }

  isKnown({ dictionaries, orgs }: EventBatch, row: number): boolean {
    return this.#state.findOrganization(dictionaries.orgs.text(orgs[row])) !== undefined;
  }

  organization(batch: EventBatch, row: number): string | null {
    return this.isUninvited(batch, row) ? this.#noRoom() : null;
  }

  /** Of an organization that is let in by its plan. */
  plannedOrganization(batch: EventBatch, row: number): string | null {
    return this.#isFull(2) && !this.isKnown(batch, row) ? this.#noRoom() : null;
  }

  /** Takes one of the records of the day that are remembered for long. */
  rareRecord(batch: EventBatch, row: number, clock: number): string | null {
    const organization = this.#state.organizationOf(batch.orgs[row], batch.dictionaries);
    const most = this.#state.quotas.of(organization.id).remembered_records_per_day;
    if (organization.takeRare(Math.floor(clock / dayMs), most)) return null;
    return `${most} records of the organization that are remembered for a month came on this day`;
  }

  campaign(batch: EventBatch, row: number): string | null {
    const { slot, id } = this.#state.organizationOf(batch.orgs[row], batch.dictionaries);
    const most = this.#state.quotas.of(id).campaigns;
    if (this.#state.campaignsOf(slot) < most) return null;
    return `the organization already has ${this.#state.campaignsOf(slot)} campaigns; its share is ${most}`;
  }

  /** Of a heartbeat. */
  source({ dictionaries, orgs, sources }: EventBatch, row: number): string | null {
    const { id, frontiers } = this.#state.organizationOf(orgs[row], dictionaries);
    if (frontiers.size < this.#state.quotas.of(id).heartbeat_sources) return null;
    const source = dictionaries.sources.text(sources[row]);
    if (frontiers.has(source) || Object.hasOwn(this.#state.planOf(id).plan.sources, source)) return null;
    return `${frontiers.size} sources of the organization send heartbeats, and its plan does not declare this one`;
  }

  /** Whether a heartbeat is the first of its source: those behind it must know of it. */
  isUnheard({ dictionaries, orgs, sources }: EventBatch, row: number): boolean {
    const organization = this.#state.findOrganization(dictionaries.orgs.text(orgs[row]));
    return organization === undefined || !organization.frontiers.has(dictionaries.sources.text(sources[row]));
  }

  #isFull(times: number): boolean {
    return this.#state.organizations.length >= times * this.#limits.organizationsPerLaneMax;
  }

  #noRoom(): string {
    return `the lane already knows ${this.#state.organizations.length} organizations`;
  }
}
