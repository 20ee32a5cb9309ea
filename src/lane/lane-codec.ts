import { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { assert, EngineError } from '../model/errors.ts';
import { readPlan } from '../rules/compile-plan.ts';
import type { Campaign } from './campaign.ts';
import { readAlert, readCampaign, writeAlert, writeCampaign } from './campaign-codec.ts';
import type { ClockMarks } from './clock-marks.ts';
import { type LaneState, Organization } from './lane-state.ts';
import { rareDayGroups } from './rare-ids.ts';
import { RollingBases } from './rolling-bases.ts';

/**
 * A lane's state as a delta per commit and rolling bases per key group. Groups 0..31 hold campaigns
 * by slot, group 32 what belongs to the lane as a whole, those from 33 the rare ids of one day each.
 * `test/fixtures/state/` keeps blobs of every format ever written.
 */
export const stateFormat = 1;
export const campaignGroups = 32;
export const laneGroup = campaignGroups;
export const firstRareGroup = laneGroup + 1;
export const groupCount = firstRareGroup + rareDayGroups;

/** What a store hands back (state/state-store.ts, `LaneSnapshot`), as far as the codec reads it. */
export interface StoredLane {
  readonly meta: { readonly seq: number } | null;
  readonly bases: ReadonlyMap<number, Uint8Array>;
  readonly deltas: readonly { seq: number; bytes: Uint8Array }[];
}

export class LaneCodec {
  readonly #state: LaneState;
  readonly #marks: ClockMarks;
  readonly #rolling = new RollingBases(groupCount);

  constructor(state: LaneState, marks: ClockMarks) {
    this.#state = state;
    this.#marks = marks;
  }

  /** Everything that changed since the last delta. Does not mark it as saved: `settle` does. */
  writeDelta(seq: number): Uint8Array {
    const out = blobs;
    this.#rolling.markChanged(laneGroup, seq);
    for (const { slot } of this.#state.dirtyCampaigns) this.#rolling.markChanged(slot % campaignGroups, seq);
    for (const group of this.#state.rareIds.freshGroups()) this.#rolling.markChanged(firstRareGroup + group, seq);
    writeHeader(out, seq);
    this.#writeLane(out, false);
    this.#writeCampaigns(out, this.#state.dirtyCampaigns, false);
    this.#state.rareIds.writeFresh(out);
    return out.take();
  }

  /** After a delta was taken: nothing is dirty any more. */
  settle(): void {
    for (const campaign of this.#state.dirtyCampaigns) {
      campaign.isDirty = false;
      campaign.isRecordDirty = false;
      campaign.wasForgotten = false;
      campaign.cumulative?.settle();
      campaign.cells?.clearTouched();
    }
    for (const organization of this.#state.organizations) organization.isDirty = false;
    this.#state.books.cells.touched.clear();
    this.#state.dirtyCampaigns.length = 0;
    this.#state.rareIds.settle();
    this.#state.dirtyPlans.clear();
  }

  /** The bases to write with a delta of so many bytes, after `settle`. */
  writeBases(seq: number, deltaBytes: number): { group: number; bytes: Uint8Array }[] {
    return this.#rolling.rewrite(seq, deltaBytes, (group) => this.#writeBase(group, seq));
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
    writeHeader(out, seq);
    if (group === laneGroup) this.#writeLane(out, true);
    else out.flag(false);
    this.#writeCampaigns(out, group < campaignGroups ? this.#campaignsOf(group) : [], true);
    if (group > laneGroup) this.#state.rareIds.writeGroup(out, group - firstRareGroup);
    else out.count(0);
    return out.take();
  }

  /** Rebuilds the state: bases first, then what is newer than them. */
  restore({ bases, deltas, meta }: StoredLane): void {
    const newestSeq = meta?.seq ?? 0;
    const baseSeqs = new Array<number>(groupCount).fill(0);
    for (const [group, bytes] of bases) baseSeqs[group] = this.#read(bytes, (each) => each === group);
    for (const { seq, bytes } of deltas) this.#read(bytes, (group) => seq > baseSeqs[group]);
    this.#rolling.restore(deltas[0]?.seq ?? newestSeq + 1, newestSeq);
    this.#rearm();
  }

  #read(bytes: Uint8Array, isWanted: (group: number) => boolean): number {
    const from = new ByteReader(bytes);
    const format = from.count();
    if (format > stateFormat)
      throw new EngineError('STATE_FORMAT', `state has format ${format}, we know ${stateFormat}`);
    const seq = from.count();
    this.#readLane(from, isWanted(laneGroup));
    for (let n = from.count(); n > 0; n--) this.#readOneCampaign(from, isWanted);
    this.#state.rareIds.read(from, (group) => isWanted(firstRareGroup + group));
    assert(from.isAtEnd, 'a state blob is read to its end');
    return seq;
  }

  #writeLane(out: ByteWriter, all: boolean): void {
    const { clock, organizations, plans, dirtyPlans } = this.#state;
    out.flag(true);
    out.double(clock);
    this.#marks.write(out);
    const changed = all ? organizations : organizations.filter((organization) => organization.isDirty);
    out.count(changed.length);
    for (const organization of changed) writeOrganization(out, organization);
    const planIds = all ? [...plans.keys()] : [...dirtyPlans];
    out.count(planIds.length);
    for (const id of planIds) {
      out.text(id);
      out.text(plans.get(id)?.body ?? '');
    }
  }

  #readLane(from: ByteReader, isWanted: boolean): void {
    if (!from.flag()) return;
    const clock = from.double();
    if (isWanted) this.#state.clock = clock;
    this.#marks.read(from, isWanted);
    for (let n = from.count(); n > 0; n--) this.#readOrganization(from, isWanted);
    for (let n = from.count(); n > 0; n--) {
      const [id, body] = [from.text(), from.text()];
      if (isWanted) this.#state.restorePlan(id, readPlan(body), body);
    }
  }

  #readOrganization(from: ByteReader, isWanted: boolean): void {
    const slot = from.count();
    const read = new Organization(slot, from.text());
    read.timerAt = from.optional();
    for (let n = from.count(); n > 0; n--) read.frontiers.set(from.text(), from.double());
    for (let n = from.count(); n > 0; n--) {
      const key = from.text();
      const evaluatedAt = from.optional();
      read.sourceAlerts.set(key, { alert: from.flag() ? readAlert(from) : null, evaluatedAt });
    }
    if (isWanted) this.#state.restoreOrganization(read);
  }

  #writeCampaigns(out: ByteWriter, campaigns: readonly Campaign[], all: boolean): void {
    out.count(campaigns.length);
    for (const campaign of campaigns) {
      out.count(campaign.slot);
      out.count(campaign.orgSlot);
      out.text(campaign.orgId);
      out.text(campaign.id);
      writeCampaign(out, campaign, all, this.#state.clock);
    }
  }

  #readOneCampaign(from: ByteReader, isWanted: (group: number) => boolean): void {
    const [slot, orgSlot] = [from.count(), from.count()];
    const [orgId, id] = [from.text(), from.text()];
    const known = this.#state.campaigns[slot] ?? this.#state.addCampaign({ slot: orgSlot, id: orgId }, id, slot);
    // An unwanted entry is older than its group's base; it is read only to get past it.
    const target = isWanted(slot % campaignGroups) ? known : this.#state.scratchCampaign();
    readCampaign(from, target);
  }

  #campaignsOf(group: number): Campaign[] {
    const campaigns: Campaign[] = [];
    for (let slot = group; slot < this.#state.campaigns.length; slot += campaignGroups) {
      campaigns.push(this.#state.campaigns[slot]);
    }
    return campaigns;
  }

  #rearm(): void {
    this.#state.timers.clear();
    for (const organization of this.#state.organizations) {
      organization.isDirty = false;
      if (organization.timerAt !== null) this.#state.pushOrganizationTimer(organization);
    }
    for (const campaign of this.#state.campaigns) {
      if (campaign.timerAt !== null) this.#state.pushCampaignTimer(campaign);
    }
  }
}

/** Blobs are made one at a time, whichever lane they are of, and taken at once. */
const blobs = new ByteWriter();

function writeHeader(out: ByteWriter, seq: number): void {
  out.count(stateFormat);
  out.count(seq);
}

function writeOrganization(out: ByteWriter, organization: Organization): void {
  out.count(organization.slot);
  out.text(organization.id);
  out.optional(organization.timerAt);
  out.count(organization.frontiers.size);
  for (const [source, completeThrough] of organization.frontiers) {
    out.text(source);
    out.double(completeThrough);
  }
  out.count(organization.sourceAlerts.size);
  for (const [key, { alert, evaluatedAt }] of organization.sourceAlerts) {
    out.text(key);
    out.optional(evaluatedAt);
    out.flag(alert !== null);
    if (alert !== null) writeAlert(out, alert);
  }
}
