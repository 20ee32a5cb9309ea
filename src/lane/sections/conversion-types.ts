import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { Campaign } from '../campaign.ts';
import type { Section } from './section.ts';

/** The types of a campaign's conversions, in their order: all of them when one came. */
export const conversionTypesSection: Section<Campaign> = {
  id: 34,
  name: 'conversion types',
  version: 1,

  write(out: ByteWriter, { conversionTypes: types }: Campaign, all: boolean): void {
    if (types === null || types.names.length === 0 || !(all || types.isDirty)) return;
    out.count(types.names.length);
    for (const name of types.names) out.text(name);
  },

  read(from: ByteReader, _version: number, campaign: Campaign): void {
    const names: string[] = [];
    for (let n = from.count(); n > 0; n--) names.push(from.text());
    campaign.typesOfConversions().restore(names);
  },

  forget(campaign: Campaign): void {
    campaign.conversionTypes = null;
  },

  settle(campaign: Campaign): void {
    if (campaign.conversionTypes !== null) campaign.conversionTypes.isDirty = false;
  },
};
