import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { type Campaign, saidBy } from '../campaign.ts';
import type { Section } from './section.ts';

/** What the checks remember of a campaign: when it was last seen, and its currency. */
export const campaignSeen: Section<Campaign> = {
  id: 16,
  name: 'campaign_seen',
  version: 2,

  write(out: ByteWriter, campaign: Campaign): void {
    out.double(campaign.lastSeen);
    out.text(campaign.currency);
    out.count(campaign.currencySaidBy);
  },

  read(from: ByteReader, version: number, campaign: Campaign): void {
    campaign.lastSeen = from.double();
    campaign.currency = from.text();
    // Before version 2 the first money of any kind had the only word.
    campaign.currencySaidBy = version >= 2 ? from.count() : campaign.currency === '' ? saidBy.nobody : saidBy.media;
  },

  forget(campaign: Campaign): void {
    campaign.currency = '';
    campaign.currencySaidBy = saidBy.nobody;
  },
};
