import { type EventBatch, flag, quartiles } from '../events/event-batch.ts';
import { kind } from '../events/kinds.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { goalCellsSection, goalsSection } from '../lane/sections/goals.ts';
import type { OwnedSections } from '../lane/sections/section.ts';
import { addItemToGoals } from './flight-goals.ts';
import type { Operator } from './operator.ts';
import type { Segment } from './segment.ts';

const complete = quartiles.indexOf('COMPLETE');

/** Counts what the goals of flights count, where there are such goals at all (docs/semantics.md §6.3). */
export class FollowGoals implements Operator {
  readonly name = 'goals';
  readonly does = 'goals that are no money';
  readonly state: OwnedSections = { campaigns: [goalsSection, goalCellsSection] };
  readonly #state: LaneState;

  constructor(state: LaneState) {
    this.#state = state;
  }

  onSegment(segment: Segment): void {
    if (!this.#state.books.followsGoals) return;
    const { batch, counted, slots, from, to } = segment;
    const { campaigns } = this.#state;
    for (let row = from; row < to; row++) {
      if (counted[row] === 0 || slots[row] < 0 || campaigns[slots[row]].goals === null) continue;
      this.#count(segment, batch, row);
    }
  }

  rearm(): void {
    this.#state.books.followsGoals = this.#state.campaigns.some(({ goals }) => goals !== null);
  }

  #count({ slots, clocks }: Segment, batch: EventBatch, row: number): void {
    const campaign = this.#state.campaigns[slots[row]];
    const flags = batch.flags[row];
    const at = batch.eventTimes[row];
    const clock = clocks[row];
    switch (batch.kinds[row]) {
      case kind.impression:
        if ((flags & flag.invalid) !== 0 || (flags & flag.viewable) === 0) return;
        return addItemToGoals(this.#state, campaign, 'VIEWABLE_IMPRESSIONS', at, batch.counts[row], clock);
      case kind.click:
        if ((flags & flag.invalid) !== 0) return;
        return addItemToGoals(this.#state, campaign, 'CLICKS', at, batch.counts[row], clock);
      case kind.video_progress:
        if (batch.code[row] !== complete) return;
        return addItemToGoals(this.#state, campaign, 'COMPLETED_VIEWS', at, 1, clock);
      case kind.conversion: {
        const amount = (flags & flag.reversal) !== 0 ? -batch.amount2[row] : batch.amount2[row];
        return addItemToGoals(this.#state, campaign, 'CONVERSIONS', batch.t1[row], amount, clock);
      }
    }
  }
}
