import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { Campaign } from '../campaign.ts';
import { CampaignWeight } from '../campaign-weight.ts';
import type { Section } from './section.ts';

/** How much a campaign's sums have taken; of nearly all there is nothing to write. */
export const weightSection: Section<Campaign> = {
  id: 32,
  name: 'weight',
  version: 1,

  write(out: ByteWriter, { weight }: Campaign, all: boolean): void {
    if (weight === null || !(all || weight.isDirty)) return;
    for (const value of [weight.up.count, weight.up.exact, weight.down.count, weight.down.exact]) out.double(value);
  },

  read(from: ByteReader, _version: number, campaign: Campaign): void {
    campaign.weight ??= new CampaignWeight();
    const { up, down } = campaign.weight;
    [up.count, up.exact, down.count, down.exact] = [from.double(), from.double(), from.double(), from.double()];
  },

  forget(campaign: Campaign): void {
    campaign.weight = null;
  },

  settle({ weight }: Campaign): void {
    if (weight !== null) weight.isDirty = false;
  },
};
