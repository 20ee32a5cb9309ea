import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { whole } from '../../model/whole.ts';
import type { Campaign } from '../campaign.ts';
import { CampaignWeight } from '../campaign-weight.ts';
import type { Section } from './section.ts';

/** How much a campaign's sums have taken; of nearly all there is nothing to write. */
export const weightSection: Section<Campaign> = {
  id: 32,
  name: 'weight',
  version: 2,

  write(out: ByteWriter, { weight }: Campaign, all: boolean): void {
    if (weight === null || !(all || weight.isDirty)) return;
    for (const { count, exact } of [weight.up, weight.down]) {
      out.double(count);
      out.exact(exact);
    }
  },

  read(from: ByteReader, version: number, campaign: Campaign): void {
    campaign.weight ??= new CampaignWeight();
    for (const side of [campaign.weight.up, campaign.weight.down]) {
      side.count = from.double();
      // Older releases added up doubles, thousandths of a CPM among them.
      side.exact = version === 1 ? whole(BigInt(Math.ceil(from.double()))) : whole(from.exact());
    }
  },

  forget(campaign: Campaign): void {
    campaign.weight = null;
  },

  settle({ weight }: Campaign): void {
    if (weight !== null) weight.isDirty = false;
  },
};
