import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { Organization } from '../organization.ts';
import type { Section } from './section.ts';

/** What was out of reach under the plans before, and stays so (docs/semantics.md §2). */
export const reachSection: Section<Organization> = {
  id: 28,
  name: 'reach',
  version: 1,

  write(out: ByteWriter, { reportsSince, duplicatesSince, duplicatesFrom }: Organization): void {
    if (reportsSince === Number.NEGATIVE_INFINITY) return;
    out.double(reportsSince);
    out.double(duplicatesSince);
    out.double(duplicatesFrom);
  },

  read(from: ByteReader, _version: number, organization: Organization): void {
    organization.reportsSince = from.double();
    organization.duplicatesSince = from.double();
    organization.duplicatesFrom = from.double();
  },
};
