import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { whole } from '../../model/whole.ts';
import type { Campaign } from '../campaign.ts';
import type { Section } from './section.ts';

/** Minutes and quarter-hours of a campaign: the cells written since the last harvest, or all ever written. */
export const cellsSection: Section<Campaign> = {
  id: 21,
  name: 'cells',
  version: 1,

  write(out: ByteWriter, { cells }: Campaign, all: boolean): void {
    cells?.write(out, all);
  },

  read: readCells,

  forget(campaign: Campaign): void {
    campaign.forgetCells();
  },

  settle(campaign: Campaign): void {
    campaign.cells?.clearTouched();
  },
};

/** Version 1 is also how format 1 of a blob wrote cells. */
export function readCells(from: ByteReader, _version: number, campaign: Campaign): void {
  for (let n = from.count(); n > 0; n--) {
    campaign.cellsToWrite().restore(from.count(), from.int32(), whole(from.exact()), from.integer());
  }
}
