import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { Organization } from '../organization.ts';
import type { Section } from './section.ts';

/** How far each source of an organization is complete. */
export const frontiersSection: Section<Organization> = {
  id: 25,
  name: 'frontiers',
  version: 1,

  write(out: ByteWriter, { frontiers }: Organization): void {
    if (frontiers.size === 0) return;
    out.count(frontiers.size);
    for (const [source, completeThrough] of frontiers) {
      out.text(source);
      out.double(completeThrough);
    }
  },

  read: readFrontiers,
};

/** Version 1 is also how format 1 of a blob wrote them. */
export function readFrontiers(from: ByteReader, _version: number, { frontiers }: Organization): void {
  frontiers.clear();
  for (let n = from.count(); n > 0; n--) frontiers.set(from.text(), from.double());
}
