import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { Campaign } from '../campaign.ts';
import type { LaneState } from '../lane-state.ts';
import type { Organization } from '../organization.ts';

/**
 * A part of what is remembered of a lane, an organization or a campaign (`Of`): its owner alone writes
 * and reads it, under a version of its own. In a blob it stands as (id, version, length, bytes), so that
 * an older version migrates alone and a section that this release does not know is carried along.
 */
export interface Section<Of> {
  /** Of this section for ever, 1 to 127; no other may ever have it. */
  readonly id: number;
  readonly name: string;
  /** That of what `write` writes. */
  readonly version: number;
  /** Writes what changed since the last harvest, or all (`all`); who writes nothing leaves no trace. */
  write(out: ByteWriter, of: Of, all: boolean): void;
  /** Puts what `write` of this version, or of an older one, wrote on top of what was read before. */
  read(from: ByteReader, version: number, of: Of): void;
  /** What was idle for too long is forgotten, as if it had never been met. */
  forget?(of: Of): void;
  /** What `write` wrote is saved: nothing of it counts as changed any more. */
  settle?(of: Of): void;
}

/** A section of the lane whose entries have key groups of their own in the store, each with a base of its own. */
export interface GroupedSection {
  /** As of a `Section`. */
  readonly id: number;
  readonly name: string;
  readonly version: number;
  /** Its groups; never those of another section. */
  readonly groups: { readonly first: number; readonly count: number };
  /** Groups with entries that changed since the last harvest. */
  changedGroups(): Iterable<number>;
  /** Writes what changed since the last harvest. */
  writeChanged(out: ByteWriter): void;
  /** Writes all of one group. */
  writeGroup(out: ByteWriter, group: number): void;
  /** Reads what either wrote; entries of wanted groups count, the others are older than their group's base. */
  read(from: ByteReader, version: number, isWanted: (group: number) => boolean): void;
  settle(): void;
}

/** The sections of one owner: an operator, or a noun of the lane. */
export interface OwnedSections {
  readonly lane?: readonly Section<LaneState>[];
  readonly organizations?: readonly Section<Organization>[];
  readonly campaigns?: readonly Section<Campaign>[];
  readonly grouped?: readonly GroupedSection[];
}

/** A section of another release, as it came. */
export interface CarriedPart {
  readonly id: number;
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** What may hold parts that this release does not know, oldest first; nearly always none. */
export interface Carrier {
  carried: CarriedPart[] | null;
}
