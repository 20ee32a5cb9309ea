import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { RareIds } from '../rare-ids.ts';
import { laneGroup } from './lane-sections.ts';
import type { GroupedSection } from './section.ts';

const first = laneGroup + 1;

/** Identities of additions, conversions and control: a key group for each day of them. Older releases kept totals here, too. */
export function rareIdsSection(rareIds: RareIds): GroupedSection {
  return idsSection(rareIds, { id: 5, name: 'rare_ids', first });
}

/** Identities of totals, behind those of the others. */
export function totalIdsSection(totalIds: RareIds, { groups }: RareIds): GroupedSection {
  return idsSection(totalIds, { id: 68, name: 'total_ids', first: first + groups });
}

function idsSection(
  rareIds: RareIds,
  { id, name, first }: { readonly id: number; readonly name: string; readonly first: number },
): GroupedSection {
  return {
    ...{ id, name, version: 1 },
    groups: { first, count: rareIds.groups },

    changedGroups: () => [...rareIds.freshGroups()].map((group) => first + group),

    writeChanged(out: ByteWriter): void {
      if (rareIds.freshCount > 0) rareIds.writeFresh(out);
    },

    writeGroup(out: ByteWriter, group: number): void {
      rareIds.writeGroup(out, group - first);
    },

    read(from: ByteReader, _version: number, isWanted: (group: number) => boolean): void {
      rareIds.read(from, (group) => isWanted(first + group));
    },

    settle(): void {
      rareIds.settle();
    },
  };
}

/** Version 1 is also how format 1 of a blob wrote them. */
export function readRareIds(from: ByteReader, rareIds: RareIds, isWanted: (group: number) => boolean): void {
  rareIds.read(from, (group) => isWanted(first + group));
}
