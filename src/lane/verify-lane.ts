import type { LaneDictionaries } from '../events/event-batch.ts';
import { assert } from '../model/errors.ts';
import { quarterMs } from '../model/time.ts';
import type { Campaign } from './campaign.ts';
import { hotAt } from './hot-campaigns.ts';
import type { LaneState } from './lane-state.ts';
import { none } from './none.ts';
import { campaignTimer, organizationTimer } from './timers.ts';

/**
 * Asserts that everything a lane keeps at hand is what the slow look-up finds: pointers of hot records,
 * lists of what changed, free records of slabs, timers and the index of campaigns. Tests call it after
 * every batch: a wrong place would show in rows only much later, or in those of another campaign.
 * `dictionaries` = those of the lane's batch, null before its first one.
 */
export function verifyLane(state: LaneState, dictionaries: LaneDictionaries | null): void {
  if (dictionaries !== null) state.verifyIndex(dictionaries);
  verifyDirty(state);
  for (const campaign of state.campaigns) {
    verifyDay(state, campaign);
    verifyFlight(state, campaign);
    if (campaign.cells !== null) campaign.cells.verify();
    else verifyNoCells(state, campaign);
  }
  verifySlabs(state);
  verifyTimers(state);
}

function verifyDirty({ campaigns, dirtyCampaigns }: LaneState): void {
  const dirty = new Set(dirtyCampaigns);
  assert(dirty.size === dirtyCampaigns.length, 'a campaign is noted as changed once');
  for (const campaign of campaigns) {
    assert(campaign.isDirty === dirty.has(campaign), `campaign ${campaign.id} is noted as changed when it is`);
    for (const day of campaign.days.values()) {
      assert(!day.isDirty || campaign.isDirty, `campaign ${campaign.id} changed when a day of it did`);
    }
  }
}

/** The day at hand is one of the campaign's, and its bounds are those of the zone in force. */
function verifyDay(state: LaneState, campaign: Campaign): void {
  const { values } = state.books.hot;
  const [start, end] = [values[campaign.hot + hotAt.dayStart], values[campaign.hot + hotAt.dayEnd]];
  if (!(end > start)) return;
  const { day } = campaign;
  if (campaign.quarters !== null) return verifyQuarter(state, campaign);
  assert(day !== null && campaign.days.get(day.day) === day, `the day at hand is a day of campaign ${campaign.id}`);
  assert(values[campaign.hot + hotAt.day] === day.base, `the hot record of ${campaign.id} leads to the day at hand`);
  if (values[campaign.hot + hotAt.planEpoch] !== state.planEpoch) return;
  const zone = state.zoneOf(campaign);
  const isWhole = start === zone.dayStart(day.day) && end === zone.dayStart(day.day + 1);
  assert(isWhole, `the day at hand of ${campaign.id} has the bounds of its zone`);
}

/** While nobody has named the zone, what is at hand is a quarter-hour, and nothing of it waits between segments. */
function verifyQuarter({ books }: LaneState, { day, quarters, hot, id }: Campaign): void {
  assert(day !== null && day === quarters?.atHand, `what is at hand of ${id} is its quarter-hour`);
  assert(!day.isDirty, `the quarter-hour of ${id} was settled`);
  const { values } = books.hot;
  assert(values[hot + hotAt.day] === day.base, `the hot record of ${id} leads to the quarter-hour at hand`);
  const isWhole = values[hot + hotAt.dayStart] === day.day * quarterMs;
  assert(isWhole && values[hot + hotAt.dayEnd] === (day.day + 1) * quarterMs, `the quarter-hour of ${id} is whole`);
}

/** Inside the span of the flight at hand no other flight is, and that flight is all of it; or none is. */
function verifyFlight({ books }: LaneState, campaign: Campaign): void {
  const { values } = books.hot;
  const [start, end] = [values[campaign.hot + hotAt.flightStart], values[campaign.hot + hotAt.flightEnd]];
  if (!(end > start)) return;
  const base = values[campaign.hot + hotAt.flight];
  const inside = campaign.flights.filter(({ dates }) => dates !== null && dates.start < end && dates.end > start);
  assert(inside.length === (base === none ? 0 : 1), `the flight at hand of ${campaign.id} is the one of its span`);
  const [flight] = inside;
  if (flight === undefined || flight.dates === null) return;
  assert(flight.base === base, `the hot record of ${campaign.id} leads to the flight at hand`);
  assert(flight.isSmall, `the flight at hand of ${campaign.id} may be added to in passing`);
  const isCovered = flight.dates.start <= start && flight.dates.end >= end;
  assert(isCovered, `the flight at hand of ${campaign.id} is there in all of its span`);
}

function verifyNoCells({ books }: LaneState, campaign: Campaign): void {
  const { values } = books.hot;
  for (const field of [hotAt.blocks, hotAt.minuteCell, hotAt.quarterCell, hotAt.firstTouched, hotAt.lastTouched]) {
    assert(values[campaign.hot + field] === none, `campaign ${campaign.id}, which has no cells, has none at hand`);
  }
}

function verifySlabs({ campaigns, books }: LaneState): void {
  books.flights.verify(
    'flights',
    campaigns.flatMap(({ flights }) => flights.map(({ base }) => base)),
  );
  const cells = campaigns.flatMap((campaign) => (campaign.cells === null ? [] : [campaign.cells.records()]));
  books.cells.blocks.verify(
    'blocks of cells',
    cells.map(({ base }) => base),
  );
  books.cells.cells.verify(
    'cells',
    cells.flatMap(({ blocks }) => blocks),
  );
}

function verifyTimers({ timers, organizations, campaigns }: LaneState): void {
  const pendingOf = (all: readonly { readonly slot: number; readonly timerAt: number | null }[]) =>
    new Map(all.flatMap(({ slot, timerAt }) => (timerAt === null ? [] : [[slot, timerAt] as const])));
  timers.verify(
    new Map([
      [organizationTimer, pendingOf(organizations)],
      [campaignTimer, pendingOf(campaigns)],
    ]),
  );
}
