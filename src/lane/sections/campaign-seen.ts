import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { Campaign } from '../campaign.ts';
import type { Section } from './section.ts';

/** What the checks remember of a campaign: when it was last seen, and its currency. */
export const campaignSeen: Section<Campaign> = {
  id: 16,
  name: 'campaign_seen',
  version: 1,

  write(out: ByteWriter, campaign: Campaign): void {
    out.double(campaign.lastSeen);
    out.text(campaign.currency);
  },

  read(from: ByteReader, _version: number, campaign: Campaign): void {
    campaign.lastSeen = from.double();
    campaign.currency = from.text();
  },

  forget(campaign: Campaign): void {
    campaign.currency = '';
  },
};
