import { type LaneLimits, laneLimits } from '../model/lane-limits.ts';
import { daySlab } from './day-row.ts';
import { CellSlab } from './delivery-cells.ts';
import { HotCampaigns } from './hot-campaigns.ts';
import { Names } from './names.ts';
import { NumberSlab } from './number-slab.ts';

/** Doubles of a flight's record: spent nanos and impressions. */
const flightWidth = 2;

/** Where the numbers of a lane's campaigns lie. */
export class LaneBooks {
  readonly hot = new HotCampaigns();
  readonly days = daySlab();
  readonly flights = new NumberSlab(flightWidth);
  readonly cells: CellSlab;
  readonly currencies = new Names();
  readonly sources = new Names();

  constructor(limits: LaneLimits = laneLimits) {
    this.cells = new CellSlab(limits);
  }
}
