import { type Campaign, Flight } from '../../src/lane/campaign.ts';
import type { DeliveryCells } from '../../src/lane/delivery-cells.ts';
import { LaneState } from '../../src/lane/lane-state.ts';
import { Organization } from '../../src/lane/organization.ts';
import type { EventTimeMs, LogTimeMs, TimeColumn } from '../../src/model/time.ts';
import { CellBooker } from '../../src/operators/cell-booker.ts';

/** Campaigns of one lane whose cells are written as the lane writes them. */
export class CellsOfALane {
  readonly #state = new LaneState();
  readonly #booker = new CellBooker(this.#state);
  readonly #organization = this.#state.addOrganization(new Organization(0, 'acme'));

  campaign(): Campaign {
    const slot = this.#state.campaigns.length;
    return this.#state.addCampaign(this.#organization, `c${slot}`, slot);
  }

  book(campaign: Campaign, at: number, clock: number, micros: number, nanos: number, impressions: number): void {
    const instants = {
      itemAt: Float64Array.of(at) as TimeColumn<EventTimeMs>,
      clocks: Float64Array.of(clock) as TimeColumn<LogTimeMs>,
    };
    this.#booker.book(campaign.slot, instants, 0, micros, nanos, impressions);
  }

  flight(id: string): Flight {
    return new Flight(id, this.#state.books.flights);
  }
}

export function cellsOf(campaign: Campaign): DeliveryCells {
  return campaign.cellsToWrite();
}
