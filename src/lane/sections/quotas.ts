import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { LaneState } from '../lane-state.ts';
import type { LetterAllowance } from '../letter-allowance.ts';
import type { Organization } from '../organization.ts';
import type { Section } from './section.ts';

/** What an organization had of its quota of the day. */
export const dayQuotaSection: Section<Organization> = {
  id: 29,
  name: 'day quota',
  version: 1,

  write(out: ByteWriter, { quotaDay, rareRecords }: Organization): void {
    if (rareRecords === 0) return;
    out.double(quotaDay);
    out.count(rareRecords);
  },

  read(from: ByteReader, _version: number, organization: Organization): void {
    organization.quotaDay = from.double();
    organization.rareRecords = from.count();
  },
};

/** What organizations had of their dead letters of the hour. */
export function letterAllowanceSection(allowance: LetterAllowance): Section<LaneState> {
  return {
    id: 7,
    name: 'letter allowance',
    version: 1,

    write(out: ByteWriter, _lane: LaneState, all: boolean): void {
      const entries = allowance.entries(all);
      if (entries.length === 0) return;
      out.double(allowance.hour);
      out.count(entries.length);
      for (const [orgId, letters] of entries) {
        out.text(orgId);
        out.count(letters);
      }
    },

    read(from: ByteReader): void {
      const hour = from.double();
      const entries = Array.from({ length: from.count() }, () => [from.text(), from.count()] as const);
      allowance.restore(hour, entries);
    },

    settle(): void {
      allowance.settle();
    },
  };
}
