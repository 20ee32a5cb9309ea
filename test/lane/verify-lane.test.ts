import { expect, test } from 'vitest';
import { LaneDictionaries } from '../../src/events/event-batch.ts';
import { type Campaign, Flight } from '../../src/lane/campaign.ts';
import { DayRow } from '../../src/lane/day-row.ts';
import { hotAt } from '../../src/lane/hot-campaigns.ts';
import { LaneState } from '../../src/lane/lane-state.ts';
import { none } from '../../src/lane/none.ts';
import { NumberSlab } from '../../src/lane/number-slab.ts';
import { campaignTimer, organizationTimer } from '../../src/lane/timers.ts';
import { verifyLane } from '../../src/lane/verify-lane.ts';
import { dayMs, type EventTimeMs, type LogTimeMs, type TimeColumn } from '../../src/model/time.ts';
import { utc } from '../../src/model/zones.ts';
import { CellBooker } from '../../src/operators/cell-booker.ts';

const today = 20_000;
const noon = today * dayMs + dayMs / 2;

interface Planted {
  readonly state: LaneState;
  readonly campaign: Campaign;
  readonly other: Campaign;
  readonly dictionaries: LaneDictionaries;
  readonly hot: Float64Array;
}

/** A lane of two campaigns with a day, a flight and cells at hand. */
function lane(): Planted {
  const state = new LaneState();
  state.timers.declare(organizationTimer);
  state.timers.declare(campaignTimer);
  state.clock = noon as LogTimeMs;
  const dictionaries = new LaneDictionaries();
  const org = dictionaries.orgs.internText('acme');
  const [campaign, other] = ['spring', 'summer'].map((name) =>
    state.createCampaign(org, dictionaries.campaigns.internText(name), dictionaries),
  );
  const hot = state.books.hot.values;
  for (const each of [campaign, other]) {
    const day = new DayRow(today, state.books.days);
    each.days.set(today, day);
    each.day = day;
    hot[each.hot + hotAt.day] = day.base;
    hot[each.hot + hotAt.dayStart] = utc.dayStart(today);
    hot[each.hot + hotAt.dayEnd] = utc.dayStart(today + 1);
    hot[each.hot + hotAt.planEpoch] = state.planEpoch;
    const flight = new Flight('f1', state.books.flights);
    const [start, end] = [today * dayMs, (today + 2) * dayMs];
    flight.dates = {
      startDay: today,
      endDay: today + 1,
      start,
      end,
      zone: utc,
      startsInside: false,
      endsInside: false,
    };
    each.flights.push(flight);
    hot[each.hot + hotAt.flight] = flight.base;
    hot[each.hot + hotAt.flightStart] = start;
    hot[each.hot + hotAt.flightEnd] = end;
    const instants = {
      itemAt: Float64Array.of(noon) as TimeColumn<EventTimeMs>,
      clocks: Float64Array.of(noon) as TimeColumn<LogTimeMs>,
    };
    new CellBooker(state).book(each.slot, instants, 0, 5, 0, 1);
    state.setCampaignTimer(each);
  }
  return { state, campaign, other, dictionaries, hot };
}

test('a lane that is whole passes', () => {
  const { state, dictionaries } = lane();
  expect(() => verifyLane(state, dictionaries)).not.toThrow();
});

/** What goes wrong, and what the look says. */
const corruptions: Readonly<Record<string, (planted: Planted) => void>> = {
  'is noted as changed when it is': ({ campaign }) => {
    campaign.isDirty = false;
  },
  'is noted as changed once': ({ state, campaign }) => {
    state.dirtyCampaigns.push(campaign);
  },
  'leads to the day at hand': ({ hot, campaign, other }) => {
    hot[campaign.hot + hotAt.day] = hot[other.hot + hotAt.day];
  },
  'is a day of campaign': ({ campaign }) => {
    campaign.days.clear();
  },
  'has the bounds of its zone': ({ hot, campaign }) => {
    hot[campaign.hot + hotAt.dayEnd] += 3_600_000;
  },
  'leads to the flight at hand': ({ hot, campaign, other }) => {
    hot[campaign.hot + hotAt.flight] = hot[other.hot + hotAt.flight];
  },
  'is the one of its span': ({ hot, campaign }) => {
    hot[campaign.hot + hotAt.flight] = none;
  },
  'is there in all of its span': ({ hot, campaign }) => {
    hot[campaign.hot + hotAt.flightStart] -= dayMs;
  },
  'may be added to in passing': ({ campaign }) => {
    campaign.flights[0].spentNanos = 2n ** 60n;
  },
  'lies where the slow look-up finds it': ({ hot, campaign, other }) => {
    hot[campaign.hot + hotAt.minuteCell] = hot[other.hot + hotAt.minuteCell];
  },
  'holds what it is at hand for': ({ state, hot, campaign }) => {
    state.books.cells.cells.values[hot[campaign.hot + hotAt.quarterCell]] += 1;
  },
  'knows where the blocks lie': ({ hot, campaign, other }) => {
    hot[campaign.hot + hotAt.blocks] = hot[other.hot + hotAt.blocks];
  },
  'is in the list of touched cells': ({ campaign, state, hot }) => {
    state.books.cells.touched.forget(hot, campaign.hot);
  },
  'ends where the campaign says': ({ hot, campaign }) => {
    hot[campaign.hot + hotAt.lastTouched] = 0;
    hot[campaign.hot + hotAt.firstTouched] = none;
  },
  'flights: every record is owned or free': ({ state }) => {
    state.books.flights.take();
  },
  'flights: free record': ({ campaign }) => {
    campaign.flights[0].release();
  },
  'the index finds campaign': ({ dictionaries }) => {
    dictionaries.campaigns.text = () => 'autumn';
  },
  'is the pending one of slot': ({ campaign }) => {
    campaign.timerAt = (campaign.timerAt as number) + 1;
  },
  'every pending timer of rank 1 is set': ({ state }) => {
    state.timers.clear();
  },
};

test.each(Object.keys(corruptions))('planted corruption is found: %s', (says) => {
  const planted = lane();
  corruptions[says](planted);
  expect(() => verifyLane(planted.state, planted.dictionaries)).toThrow(says);
});

test('a slab finds records that two own, that nobody made, and that are free but not blank', () => {
  const slab = new NumberSlab([none, 0]);
  const [first, second] = [slab.take(), slab.take()];
  expect(() => slab.verify('slab', [first, second])).not.toThrow();
  expect(() => slab.verify('slab', [first, first])).toThrow('belongs to one owner');
  expect(() => slab.verify('slab', [first, second, second + 2])).toThrow('is a record of the slab');
  slab.release(second);
  slab.values[second + 1] = 7;
  expect(() => slab.verify('slab', [first])).toThrow('is blank');
});
