import type { ByteReader } from '../model/byte-codec.ts';
import type { LogTimeMs } from '../model/time.ts';
import { whole } from '../model/whole.ts';
import { findZone } from '../model/zones.ts';
import type { Change } from '../pacing/flight-ledger.ts';
import { Campaign, Flight, saidBy } from './campaign.ts';
import { LaneBooks } from './lane-books.ts';
import { LaneState } from './lane-state.ts';
import { readFlightAlerts, readSourceAlerts } from './sections/alerts.ts';
import { readCells } from './sections/cells.ts';
import { readChange, readDates } from './sections/changes.ts';
import { readDays } from './sections/days.ts';
import { readFrontiers } from './sections/frontiers.ts';
import { campaignGroups, laneGroup } from './sections/lane-sections.ts';
import { readOldTotals } from './sections/old-totals.ts';
import { readPace } from './sections/pace.ts';
import { readPlans } from './sections/plans.ts';
import { readRareIds } from './sections/rare-ids.ts';

/**
 * Reads a blob of format 1, in which everything stood in one fixed order. Nothing writes it any more; it
 * is read for ever, because a base stays in the store for as long as its group does not change. An
 * entry that is not wanted is read past, into memory that nobody looks at.
 */
export function readFormat1(from: ByteReader, state: LaneState, isWanted: (group: number) => boolean): void {
  if (from.flag()) readLane(from, isWanted(laneGroup) ? state : new LaneState(state.limits));
  const scratch = new LaneBooks(state.limits);
  for (let n = from.count(); n > 0; n--) {
    const [slot, orgSlot, orgId, id] = [from.count(), from.count(), from.text(), from.text()];
    if (isWanted(slot % campaignGroups)) readCampaign(from, state.campaignAt({ slot, orgSlot, orgId, id }));
    else readCampaign(from, new Campaign(-1, -1, '', '', 0, scratch));
  }
  readRareIds(from, state.ids.rare, isWanted);
}

function readLane(from: ByteReader, state: LaneState): void {
  state.clock = from.double() as LogTimeMs;
  state.marks.read(from);
  for (let n = from.count(); n > 0; n--) {
    const organization = state.organizationAt(from.count(), from.text());
    organization.timerAt = from.optional();
    readFrontiers(from, 1, organization);
    readSourceAlerts(from, organization);
  }
  readPlans(from, 1, state);
}

function readCampaign(from: ByteReader, campaign: Campaign): void {
  campaign.lastSeen = from.double();
  if (from.flag()) {
    campaign.forgetDays();
    campaign.forgetCells();
    campaign.oldTotals = null;
  }
  if (from.flag()) readRecord(from, campaign);
  const totals = Array.from({ length: from.count() }, () => ({
    spent: whole(from.exact()),
    impressions: from.integer(),
  }));
  for (const [index, flight] of campaign.flights.entries()) {
    flight.spentNanos = totals[index].spent;
    flight.impressions = totals[index].impressions;
  }
  readDays(from, 1, campaign);
  readCells(from, 1, campaign);
  readOldTotals(from, 1, campaign);
}

function readRecord(from: ByteReader, campaign: Campaign): void {
  campaign.currency = from.text();
  campaign.currencySaidBy = campaign.currency === '' ? saidBy.nobody : saidBy.media;
  const zone = from.text();
  campaign.zone = zone === '' ? null : findZone(zone);
  campaign.timerAt = from.optional();
  campaign.statuses.length = 0;
  for (let n = from.count(); n > 0; n--) campaign.statuses.push(readChange(from, false) as Change & { kind: 'status' });
  campaign.forgetFlights();
  for (let n = from.count(); n > 0; n--) {
    const flight = new Flight(from.text(), campaign.books.flights);
    flight.dates = readDates(from, 1);
    for (let changes = from.count(); changes > 0; changes--) flight.addChange(readChange(from, false));
    flight.budgetLedgerVersion = from.double();
    flight.flightLedgerVersion = from.double();
    readPace(from, flight);
    readFlightAlerts(from, flight);
    campaign.addFlight(flight);
  }
}
