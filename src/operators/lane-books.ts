import { daySlab } from './day-row.ts';
import { CellSlab } from './delivery-cells.ts';

/** Where the numbers of a lane's campaigns lie. */
export class LaneBooks {
  readonly days = daySlab();
  readonly cells = new CellSlab();
}
