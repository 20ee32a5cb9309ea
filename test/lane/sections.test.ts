import { expect, test } from 'vitest';
import type { Campaign } from '../../src/lane/campaign.ts';
import { LaneCodec } from '../../src/lane/lane-codec.ts';
import { LaneState } from '../../src/lane/lane-state.ts';
import type { Organization } from '../../src/lane/organization.ts';
import { campaignSeen } from '../../src/lane/sections/campaign-seen.ts';
import { laneGroup } from '../../src/lane/sections/lane-sections.ts';
import type { OwnedSections, Section } from '../../src/lane/sections/section.ts';
import type { LogTimeMs } from '../../src/model/time.ts';

/** A lane with one organization and one campaign, and with what an owner adds to the state. */
function laneWith(...owners: readonly OwnedSections[]) {
  const state = new LaneState();
  state.sections.add({ campaigns: [campaignSeen] });
  for (const owner of owners) state.sections.add(owner);
  return { state, codec: new LaneCodec(state) };
}

function withCampaign(lane: ReturnType<typeof laneWith>): Campaign {
  const { state } = lane;
  const organization = state.organizationAt(0, 'acme');
  const campaign = state.addCampaign(organization, 'spring', 0);
  campaign.lastSeen = 1_000;
  state.touch(campaign);
  return campaign;
}

/** What a release remembers beyond the others: one number for each thing that has sections. */
class Extra implements OwnedSections {
  readonly values = new Map<string, number>();
  readonly versionsRead: number[] = [];
  readonly lane: readonly Section<LaneState>[];
  readonly organizations: readonly Section<Organization>[];
  readonly campaigns: readonly Section<Campaign>[];

  constructor(version = 1) {
    this.lane = [this.#section(101, version, () => 'lane')];
    this.organizations = [this.#section(102, version, ({ id }) => id)];
    this.campaigns = [this.#section(103, version, ({ id }) => id)];
  }

  #section<Of>(id: number, version: number, keyOf: (of: Of) => string): Section<Of> {
    return {
      id,
      name: `extra_${id}`,
      version,
      write: (out, of) => {
        const value = this.values.get(keyOf(of));
        if (value !== undefined) out.count(value);
      },
      read: (from, read, of) => {
        this.versionsRead.push(read);
        this.values.set(keyOf(of), from.count());
      },
      forget: (of) => this.values.delete(keyOf(of)),
    };
  }
}

const numbers = new Map([
  ['lane', 7],
  ['acme', 70_000],
  ['spring', 700],
]);

function remembering(extra: Extra): Extra {
  for (const [key, value] of numbers) extra.values.set(key, value);
  return extra;
}

/** The delta of a lane with one campaign. */
function deltaOf(lane: ReturnType<typeof laneWith>, seq = 1): Uint8Array {
  const delta = lane.codec.writeDelta(seq);
  lane.codec.settle();
  return delta;
}

function restored(lane: ReturnType<typeof laneWith>, deltas: readonly Uint8Array[], bases = new Map()) {
  const seqs = deltas.map((bytes, index) => ({ seq: index + 1, bytes }));
  lane.codec.restore({ meta: { seq: 10 }, bases, deltas: seqs });
  return lane;
}

function allBases(lane: ReturnType<typeof laneWith>, seq: number): Map<number, Uint8Array> {
  return new Map(lane.codec.writeBases(seq, 1e9).map(({ group, bytes }) => [group, bytes]));
}

test('what every owner remembers comes back, from deltas and from bases', () => {
  const lane = laneWith(remembering(new Extra()));
  withCampaign(lane);
  const delta = deltaOf(lane);
  const fromDelta = new Extra();
  const twin = restored(laneWith(fromDelta), [delta]);
  expect(fromDelta.values).toEqual(numbers);
  const fromBases = new Extra();
  restored(laneWith(fromBases), [], allBases(twin, 2));
  expect(fromBases.values).toEqual(numbers);
});

test('sections that a release does not know are carried along: it goes on, and the release that knows them finds them', () => {
  const newer = laneWith(remembering(new Extra(3)));
  withCampaign(newer);
  const older = restored(laneWith(), [deltaOf(newer)]);
  expect(older.state.campaigns[0].lastSeen).toBe(1_000);
  older.state.campaigns[0].lastSeen = 2_000;
  const again = new Extra(3);
  const back = restored(laneWith(again), [], allBases(older, 2));
  expect(again.values).toEqual(numbers);
  expect(again.versionsRead).toEqual([3, 3, 3]);
  expect(back.state.campaigns[0].lastSeen).toBe(2_000);
  expect(back.state.carried).toBe(null);
});

test('of several deltas with unknown sections the newest counts', () => {
  const extra = remembering(new Extra());
  const newer = laneWith(extra);
  const campaign = withCampaign(newer);
  const first = deltaOf(newer);
  extra.values.set('spring', 701);
  newer.state.touch(campaign);
  const older = restored(laneWith(), [first, deltaOf(newer, 2)]);
  const again = new Extra();
  restored(laneWith(again), [], allBases(older, 3));
  expect(again.values.get('spring')).toBe(701);
});

test('a version of old is read alone, the others as they are', () => {
  const old = laneWith(remembering(new Extra(1)));
  withCampaign(old);
  const extra = new Extra(2);
  const lane = restored(laneWith(extra), [deltaOf(old)]);
  expect(extra.versionsRead).toEqual([1, 1, 1]);
  expect(extra.values).toEqual(numbers);
  expect(lane.state.campaigns[0].lastSeen).toBe(1_000);
});

test('a newer version of a section that we know is refused by name', () => {
  const newer = laneWith(remembering(new Extra(2)));
  withCampaign(newer);
  const delta = deltaOf(newer);
  expect(() => restored(laneWith(new Extra(1)), [delta])).toThrow(
    expect.objectContaining({
      code: 'STATE_FORMAT',
      message: expect.stringContaining('section "extra_101" of the state has version 2, we know 1'),
    }),
  );
});

test('a key group that nobody owns is refused: it would never be rewritten', () => {
  const lane = laneWith();
  const { groupCount } = lane.state.sections;
  withCampaign(lane);
  deltaOf(lane);
  const [base] = allBases(lane, 1).values();
  expect(() => restored(laneWith(), [], new Map([[groupCount, base]]))).toThrow(
    expect.objectContaining({ code: 'STATE_FORMAT' }),
  );
});

test('a forgotten campaign is forgotten by every owner, and by who restores it', () => {
  const extra = remembering(new Extra());
  const lane = laneWith(extra);
  const campaign = withCampaign(lane);
  campaign.currency = 'EUR';
  const before = deltaOf(lane);
  lane.state.clock = (1_000 + 1_104 * 86_400_000) as LogTimeMs;
  lane.state.forgetIfIdle(campaign);
  expect(extra.values.has('spring')).toBe(false);
  expect(campaign.currency).toBe('');
  const after = deltaOf(lane, 2);
  const twinExtra = new Extra();
  const twin = restored(laneWith(twinExtra), [before, after]);
  expect(twinExtra.values.has('spring')).toBe(false);
  expect(twin.state.campaigns[0].currency).toBe('');
  // A release that does not know the section forgets what it carried.
  expect(restored(laneWith(), [before, after]).state.campaigns[0].carried).toBe(null);
});

test('a delta counts only for groups whose base is older', () => {
  const lane = laneWith(remembering(new Extra()));
  const campaign = withCampaign(lane);
  const first = deltaOf(lane);
  campaign.lastSeen = 5_000;
  const bases = new Map([...allBases(lane, 5)].filter(([group]) => group !== laneGroup));
  const twin = restored(laneWith(new Extra()), [first], bases);
  // The campaign's base was written at 5, behind the delta of 1; the lane has no base, so its part of the delta counts.
  expect(twin.state.campaigns[0].lastSeen).toBe(5_000);
  expect(twin.state.organizations.length).toBe(1);
});

test('two sections with one id are a mistake of ours, and so is one that is not read to its end', () => {
  const { state } = laneWith(new Extra());
  expect(() => state.sections.add(new Extra())).toThrow('have an id each');
  const lane = laneWith(remembering(new Extra()));
  withCampaign(lane);
  const delta = deltaOf(lane);
  const lazy: OwnedSections = { lane: [{ id: 101, name: 'lazy', version: 1, write: () => {}, read: () => {} }] };
  expect(() => restored(laneWith(lazy), [delta])).toThrow('is read to its end');
});
