import { expect, test } from 'vitest';
import { EventBatch } from '../../src/events/event-batch.ts';
import { DayRow } from '../../src/lane/day-row.ts';
import { hotAt } from '../../src/lane/hot-campaigns.ts';
import { LaneState } from '../../src/lane/lane-state.ts';
import { LetterAllowance } from '../../src/lane/letter-allowance.ts';
import { Organization } from '../../src/lane/organization.ts';
import type { LogTimeMs } from '../../src/model/time.ts';
import { DayBooker } from '../../src/operators/day-booker.ts';
import { DayRows } from '../../src/operators/day-rows.ts';
import { JudgeRules } from '../../src/operators/judge-rules.ts';
import { LaneOutputs } from '../../src/operators/lane-outputs.ts';
import { MeasureDays } from '../../src/operators/measure-days.ts';
import { PaceFlights } from '../../src/operators/pace-flights.ts';
import { Segment } from '../../src/operators/segment.ts';
import { fillBatch, type TestRecord } from './batch-builder.ts';

// A place that leads elsewhere would show in a row only much later: who is about to use it stops.

function campaignAlone() {
  const state = new LaneState();
  const organization = state.addOrganization(new Organization(0, 'acme'));
  const campaign = state.addCampaign(organization, 'spring', 0);
  const letters = new LetterAllowance(
    () => 10,
    () => true,
  );
  const outputs = new LaneOutputs({ partition: 0, generation: 1 }, letters, () => false);
  return { state, campaign, organization, outputs, rules: new JudgeRules(state, outputs) };
}

test('a timer that its campaign or organization does not wait for is not run', () => {
  const { state, campaign, organization, outputs, rules } = campaignAlone();
  campaign.timerAt = 60_000;
  organization.timerAt = 60_000;
  const pace = new PaceFlights(state, outputs, rules);
  expect(() => pace.onTimer(0, 120_000 as LogTimeMs, 1)).toThrow('the one that its campaign waits for');
  expect(() => rules.onTimer(0, 120_000 as LogTimeMs, 1)).toThrow('the one that its organization waits for');
});

test('a row that was given back is not written', () => {
  const { state, campaign, outputs } = campaignAlone();
  const day = new DayRow(20_000, state.books.days);
  expect(() => new DayRows(state, outputs).write([{ campaign, day }])).toThrow('a row that waits has changed');
});

test('nothing is booked on a day that is not at hand', () => {
  const { state, campaign, outputs } = campaignAlone();
  const at = Date.UTC(2026, 2, 2, 12);
  const click: TestRecord = { kind: 'click', org: 'acme', campaign: 'spring', offset: 0, logTime: at };
  const batch = new EventBatch(1);
  const segment = new Segment();
  segment.begin(batch, fillBatch(batch, [click]));
  const { values } = state.books.hot;
  values[campaign.hot + hotAt.planEpoch] = state.planEpoch;
  values[campaign.hot + hotAt.dayStart] = at;
  values[campaign.hot + hotAt.dayEnd] = at + 1;
  values[campaign.hot + hotAt.day] = -1;
  segment.to = 1;
  segment.counted[0] = 1;
  segment.slots[0] = campaign.slot;
  const days = new MeasureDays(state, outputs, new DayBooker(state));
  expect(() => days.onSegment(segment)).toThrow('has the day at hand');
});
