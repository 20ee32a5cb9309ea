import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { assert } from '../../model/errors.ts';
import type { AlertLevel, AlertState, AlertStateName } from '../../rules/alert-state.ts';
import type { Meaning, Telling } from '../../rules/telling.ts';
import { type Campaign, type Flight, part } from '../campaign.ts';
import type { KeptAlert, Organization } from '../organization.ts';
import type { Section } from './section.ts';

/** Alerts of each flight that are not plainly ok; flights in the order of section `flights`. */
export const flightAlerts: Section<Campaign> = {
  id: 23,
  name: 'flight_alerts',
  version: 2,

  write(out: ByteWriter, campaign: Campaign, all: boolean): void {
    const { flights } = campaign;
    if (flights.length === 0 || (!all && !campaign.hasChanged(part.alerts))) return;
    out.count(flights.length);
    for (const { alerts } of flights) {
      out.count(alerts.size);
      for (const [rule, alert] of alerts) {
        out.text(rule);
        writeAlert(out, alert);
      }
    }
  },

  read(from: ByteReader, version: number, { flights }: Campaign): void {
    const count = from.count();
    assert(count === flights.length, 'alerts are kept of every flight');
    for (const flight of flights) readFlightAlerts(from, flight, version);
  },
};

/** The organization's timer, and its alerts about sources. */
export const sourceAlerts: Section<Organization> = {
  id: 24,
  name: 'source_alerts',
  version: 2,

  write(out: ByteWriter, organization: Organization): void {
    out.optional(organization.timerAt);
    writeKeptAlerts(out, organization.sourceAlerts);
  },

  read(from: ByteReader, version: number, organization: Organization): void {
    organization.timerAt = from.optional();
    readSourceAlerts(from, organization, version);
  },
};

/** Version 1 is also how format 1 of a blob wrote them. */
export function readFlightAlerts(from: ByteReader, flight: Flight, version = 1): void {
  flight.alerts.clear();
  for (let n = from.count(); n > 0; n--) flight.alerts.set(from.text(), readAlert(from, version));
}

/** Version 1 is also how format 1 of a blob wrote them. */
export function readSourceAlerts(from: ByteReader, organization: Organization, version = 1): void {
  readKeptAlerts(from, organization.sourceAlerts, version);
}

export function writeKeptAlerts(out: ByteWriter, alerts: ReadonlyMap<string, KeptAlert>): void {
  out.count(alerts.size);
  for (const [key, { alert, evaluatedAt }] of alerts) {
    out.text(key);
    out.optional(evaluatedAt);
    out.flag(alert !== null);
    if (alert !== null) writeAlert(out, alert);
  }
}

export function readKeptAlerts(from: ByteReader, alerts: Map<string, KeptAlert>, version: number): void {
  alerts.clear();
  for (let n = from.count(); n > 0; n--) {
    const key = from.text();
    const evaluatedAt = from.optional();
    alerts.set(key, { alert: from.flag() ? readAlert(from, version) : null, evaluatedAt });
  }
}

export function writeAlert(out: ByteWriter, alert: AlertState): void {
  out.text(alert.state);
  out.text(alert.level);
  out.optional(alert.warningSince);
  out.optional(alert.criticalSince);
  out.optional(alert.clearSince);
  out.optional(alert.lastKnown);
  out.optional(alert.unknownSince);
  out.text(alert.ruleHash);
  out.flag(alert.telling !== null);
  if (alert.telling !== null) writeTelling(out, alert.telling);
}

function writeTelling(out: ByteWriter, telling: Telling): void {
  out.text(telling.told);
  out.optional(telling.lastAt);
  out.text(telling.last);
  out.int32(telling.day);
  out.count(telling.count);
  out.count(telling.changes);
  out.flag(telling.isFlapping);
}

/** Since version 2 with what people were told, where that is not what is. */
export function readAlert(from: ByteReader, version: number): AlertState {
  return {
    state: from.text() as AlertStateName,
    level: from.text() as AlertLevel,
    warningSince: from.optional(),
    criticalSince: from.optional(),
    clearSince: from.optional(),
    lastKnown: from.optional(),
    unknownSince: from.optional(),
    ruleHash: from.text(),
    telling: version >= 2 && from.flag() ? readTelling(from) : null,
  };
}

function readTelling(from: ByteReader): Telling {
  return {
    told: from.text() as Meaning,
    lastAt: from.optional(),
    last: from.text() as Meaning,
    day: from.int32(),
    count: from.count(),
    changes: from.count(),
    isFlapping: from.flag(),
  };
}
