import { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { assert, EngineError } from '../model/errors.ts';
import type { Campaign } from './campaign.ts';
import { readFormat1 } from './format-1.ts';
import type { LaneState } from './lane-state.ts';
import type { Organization } from './organization.ts';
import { RollingBases } from './rolling-bases.ts';
import { campaignGroups, campaignsList, laneGroup, organizationsList } from './sections/lane-sections.ts';
import type { GroupedSection } from './sections/section.ts';
import {
  beginPart,
  carry,
  endPart,
  endSections,
  readPart,
  readSections,
  skipSections,
  writeSections,
} from './sections/section-list.ts';

/**
 * A lane's state as a delta per commit and rolling bases per key group. Groups 0..31 hold campaigns by
 * slot, group 32 what belongs to the lane as a whole, those behind it what sections own (`GroupedSection`).
 * A blob is its format, its seq and a list of sections; two of them hold a list of sections for each
 * organization and campaign. The format is that of this frame alone: what a section holds has the
 * section's version. `test/fixtures/state/` keeps blobs of every format ever written.
 */
export const stateFormat = 2;

/** What a store hands back (state/state-store.ts, `LaneSnapshot`), as far as the codec reads it. */
interface StoredLane {
  readonly meta: { readonly seq: number } | null;
  readonly bases: ReadonlyMap<number, Uint8Array>;
  readonly deltas: readonly { seq: number; bytes: Uint8Array }[];
}

export class LaneCodec {
  readonly #state: LaneState;
  readonly #rolling: RollingBases;

  /** `state` knows all of its sections. */
  constructor(state: LaneState) {
    this.#state = state;
    this.#rolling = new RollingBases(state.sections.groupCount);
  }

  /** Everything that changed since the last delta. Does not mark it as saved: `settle` does. */
  writeDelta(seq: number): Uint8Array {
    const out = blobs;
    const { dirtyCampaigns, organizations, sections } = this.#state;
    this.#rolling.markChanged(laneGroup, seq);
    for (const { slot } of dirtyCampaigns) this.#rolling.markChanged(slot % campaignGroups, seq);
    writeHeader(out, seq);
    writeSections(out, sections.lane, this.#state, false);
    const changed = organizations.filter((organization) => organization.isDirty);
    this.#writeOrganizations(out, changed, false);
    this.#writeCampaigns(out, dirtyCampaigns, false);
    for (const section of sections.grouped) {
      for (const group of section.changedGroups()) this.#rolling.markChanged(group, seq);
      writeGrouped(out, section, () => section.writeChanged(out));
    }
    endSections(out);
    return out.take();
  }

  /** After a delta was taken: nothing is dirty any more. */
  settle(): void {
    const { sections, dirtyCampaigns, organizations, books } = this.#state;
    for (const section of sections.lane) section.settle?.(this.#state);
    for (const section of sections.campaigns) {
      if (section.settle !== undefined)
        for (let i = 0; i < dirtyCampaigns.length; i++) section.settle(dirtyCampaigns[i]);
    }
    for (let i = 0; i < dirtyCampaigns.length; i++) dirtyCampaigns[i].settle();
    for (const organization of organizations) {
      if (!organization.isDirty) continue;
      for (const section of sections.organizations) section.settle?.(organization);
      organization.isDirty = false;
    }
    for (const section of sections.grouped) section.settle();
    books.cells.touched.clear();
    dirtyCampaigns.length = 0;
  }

  /** The bases to write with a delta of so many bytes, after `settle`. */
  writeBases(seq: number, deltaBytes: number): { group: number; bytes: Uint8Array }[] {
    return this.#rolling.rewrite(seq, deltaBytes, (group) => this.#writeBase(group, seq));
  }

  /** As `RollingBases`. */
  hurry(seq: number, bytes?: number): void {
    this.#rolling.hurry(seq, bytes);
  }

  distrustBases(): void {
    this.#rolling.distrustLast();
  }

  oldestDeltaSeq(seq: number): number {
    return this.#rolling.oldestDeltaSeq(seq);
  }

  /** All that one group holds at `seq`. */
  #writeBase(group: number, seq: number): Uint8Array {
    const out = blobs;
    const { sections, organizations } = this.#state;
    writeHeader(out, seq);
    if (group === laneGroup) {
      writeSections(out, sections.lane, this.#state, true);
      this.#writeOrganizations(out, organizations, true);
    } else if (group < campaignGroups) this.#writeCampaigns(out, this.#campaignsOf(group), true);
    else {
      const owner = sections.ownerOf(group);
      assert(owner !== undefined, 'a key group has an owner');
      writeGrouped(out, owner, () => owner.writeGroup(out, group));
    }
    endSections(out);
    return out.take();
  }

  /** Rebuilds the state: bases first, then what is newer than them. Timers are set by who owns them. */
  restore({ bases, deltas, meta }: StoredLane): void {
    const newestSeq = meta?.seq ?? 0;
    const { groupCount } = this.#state.sections;
    const baseSeqs = new Array<number>(groupCount).fill(0);
    for (const [group, bytes] of bases) {
      if (group >= groupCount)
        throw new EngineError('STATE_FORMAT', `state has key group ${group}, we know ${groupCount}`);
      baseSeqs[group] = this.#read(bytes, (each) => each === group);
    }
    for (const { seq, bytes } of deltas) this.#read(bytes, (group) => seq > baseSeqs[group]);
    this.#rolling.restore(deltas[0]?.seq ?? newestSeq + 1, newestSeq);
    for (const organization of this.#state.organizations) organization.isDirty = false;
    for (const campaign of this.#state.campaigns) campaign.settle();
  }

  #read(bytes: Uint8Array, isWanted: (group: number) => boolean): number {
    const from = new ByteReader(bytes);
    const format = from.count();
    if (format > stateFormat)
      throw new EngineError('STATE_FORMAT', `state has format ${format}, we know ${stateFormat}`);
    const seq = from.count();
    if (format === 1) readFormat1(from, this.#state, isWanted);
    else this.#readSections(from, isWanted);
    assert(from.isAtEnd, 'a state blob is read to its end');
    return seq;
  }

  #readSections(from: ByteReader, isWanted: (group: number) => boolean): void {
    const { sections } = this.#state;
    for (let id = from.count(); id !== 0; id = from.count()) {
      const [version, length] = [from.count(), from.count()];
      const grouped = sections.groupedById.get(id);
      const section = sections.laneById.get(id);
      if (id === organizationsList.id) {
        readPart(from, organizationsList, version, length, () => this.#readOrganizations(from, isWanted(laneGroup)));
      } else if (id === campaignsList.id) {
        readPart(from, campaignsList, version, length, () => this.#readCampaigns(from, isWanted));
      } else if (grouped !== undefined) {
        readPart(from, grouped, version, length, () => grouped.read(from, version, isWanted));
      } else if (!isWanted(laneGroup)) from.skip(length);
      else if (section === undefined) carry(this.#state, { id, version, bytes: from.raw(length) });
      else readPart(from, section, version, length, () => section.read(from, version, this.#state));
    }
  }

  #writeOrganizations(out: ByteWriter, organizations: readonly Organization[], all: boolean): void {
    if (organizations.length === 0) return;
    const { sections } = this.#state;
    const start = beginList(out, organizationsList, organizations.length);
    for (const organization of organizations) {
      out.count(organization.slot);
      out.text(organization.id);
      writeSections(out, sections.organizations, organization, all);
      endSections(out);
    }
    out.close(start, 4);
  }

  #readOrganizations(from: ByteReader, isWanted: boolean): void {
    for (let n = from.count(); n > 0; n--) {
      const [slot, id] = [from.count(), from.text()];
      if (isWanted) readSections(from, this.#state.sections.organizationsById, this.#state.organizationAt(slot, id));
      else skipSections(from);
    }
  }

  #writeCampaigns(out: ByteWriter, campaigns: readonly Campaign[], all: boolean): void {
    if (campaigns.length === 0) return;
    const { sections } = this.#state;
    const start = beginList(out, campaignsList, campaigns.length);
    for (const campaign of campaigns) {
      out.count(campaign.slot);
      out.count(campaign.orgSlot);
      out.text(campaign.orgId);
      out.text(campaign.id);
      out.flag(campaign.wasForgotten);
      writeSections(out, sections.campaigns, campaign, all);
      endSections(out);
    }
    out.close(start, 4);
  }

  #readCampaigns(from: ByteReader, isWanted: (group: number) => boolean): void {
    const { sections } = this.#state;
    for (let n = from.count(); n > 0; n--) {
      const [slot, orgSlot] = [from.count(), from.count()];
      const [orgId, id] = [from.text(), from.text()];
      const wasForgotten = from.flag();
      // An unwanted entry is older than its group's base.
      if (!isWanted(slot % campaignGroups)) skipSections(from);
      else {
        const campaign = this.#state.campaignAt({ slot, orgSlot, orgId, id });
        if (wasForgotten) this.#state.forget(campaign);
        readSections(from, sections.campaignsById, campaign);
      }
    }
  }

  #campaignsOf(group: number): Campaign[] {
    const campaigns: Campaign[] = [];
    for (let slot = group; slot < this.#state.campaigns.length; slot += campaignGroups) {
      campaigns.push(this.#state.campaigns[slot]);
    }
    return campaigns;
  }
}

/** Blobs are made one at a time, whichever lane they are of, and taken at once. */
const blobs = new ByteWriter();

function writeHeader(out: ByteWriter, seq: number): void {
  // Another lane may have failed in the middle of its own.
  out.cut(0);
  out.count(stateFormat);
  out.count(seq);
}

/** A list may be long: its length gets the room that it may need, so that nothing is moved. */
function beginList(out: ByteWriter, list: { readonly id: number; readonly version: number }, entries: number): number {
  out.count(list.id);
  out.count(list.version);
  const start = out.open(4);
  out.count(entries);
  return start;
}

function writeGrouped(out: ByteWriter, section: GroupedSection, write: () => void): void {
  const before = out.length;
  const start = beginPart(out, section);
  write();
  endPart(out, before, start);
}
