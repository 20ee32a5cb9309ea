import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { Organization } from '../organization.ts';
import type { Section } from './section.ts';

/** How far each source of an organization moved lately, each time that it moved. */
export const rhythmsSection: Section<Organization> = {
  id: 61,
  name: 'rhythms',
  version: 1,

  write(out: ByteWriter, { rhythms }: Organization): void {
    if (rhythms.size === 0) return;
    out.count(rhythms.size);
    for (const [source, steps] of rhythms) {
      out.text(source);
      out.count(steps.length);
      for (const step of steps) out.double(step);
    }
  },

  read(from: ByteReader, _version: number, { rhythms }: Organization): void {
    rhythms.clear();
    for (let n = from.count(); n > 0; n--) {
      const source = from.text();
      rhythms.set(
        source,
        Array.from({ length: from.count() }, () => from.double()),
      );
    }
  },
};
