import { type LaneLimits, laneLimits } from '../model/lane-limits.ts';
import { daySlab } from './day-row.ts';
import { CellSlab } from './delivery-cells.ts';
import { HotCampaigns } from './hot-campaigns.ts';
import { Names } from './names.ts';
import { NumberSlab } from './number-slab.ts';

/** Place of each number in a flight's record. */
export const flightAt = { spentNanos: 0, impressions: 1 } as const;

/** Where the numbers of a lane's campaigns lie. */
export class LaneBooks {
  readonly hot = new HotCampaigns();
  readonly days = daySlab();
  readonly flights = new NumberSlab([0, 0]);
  readonly cells: CellSlab;
  readonly currencies = new Names();
  readonly sources = new Names();
  /** Quarter-hours behind the clock's that cells hold. */
  readonly quartersBehind: number;
  readonly conversionTypesMax: number;
  /** Flights have goals whose books nobody else keeps; derived, and stays so. */
  followsGoals = false;

  constructor(limits: LaneLimits = laneLimits) {
    this.cells = new CellSlab(limits);
    this.quartersBehind = limits.quartersBehind;
    this.conversionTypesMax = limits.conversionTypesPerCampaignMax;
  }
}
