import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { assert } from '../../model/errors.ts';
import type { AlertLevel, AlertState, AlertStateName } from '../../rules/alert-state.ts';
import { type Campaign, type Flight, part } from '../campaign.ts';
import type { Organization } from '../organization.ts';
import type { Section } from './section.ts';

/** Alerts of each flight that are not plainly ok; flights in the order of section `flights`. */
export const flightAlerts: Section<Campaign> = {
  id: 23,
  name: 'flight_alerts',
  version: 1,

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

  read(from: ByteReader, _version: number, { flights }: Campaign): void {
    const count = from.count();
    assert(count === flights.length, 'alerts are kept of every flight');
    for (const flight of flights) readFlightAlerts(from, flight);
  },
};

/** The organization's timer, and its alerts about sources. */
export const sourceAlerts: Section<Organization> = {
  id: 24,
  name: 'source_alerts',
  version: 1,

  write(out: ByteWriter, organization: Organization): void {
    out.optional(organization.timerAt);
    out.count(organization.sourceAlerts.size);
    for (const [key, { alert, evaluatedAt }] of organization.sourceAlerts) {
      out.text(key);
      out.optional(evaluatedAt);
      out.flag(alert !== null);
      if (alert !== null) writeAlert(out, alert);
    }
  },

  read(from: ByteReader, _version: number, organization: Organization): void {
    organization.timerAt = from.optional();
    readSourceAlerts(from, organization);
  },
};

/** Version 1 is also how format 1 of a blob wrote them. */
export function readFlightAlerts(from: ByteReader, flight: Flight): void {
  flight.alerts.clear();
  for (let n = from.count(); n > 0; n--) flight.alerts.set(from.text(), readAlert(from));
}

/** Version 1 is also how format 1 of a blob wrote them. */
export function readSourceAlerts(from: ByteReader, organization: Organization): void {
  organization.sourceAlerts.clear();
  for (let n = from.count(); n > 0; n--) {
    const key = from.text();
    const evaluatedAt = from.optional();
    organization.sourceAlerts.set(key, { alert: from.flag() ? readAlert(from) : null, evaluatedAt });
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
}

export function readAlert(from: ByteReader): AlertState {
  return {
    state: from.text() as AlertStateName,
    level: from.text() as AlertLevel,
    warningSince: from.optional(),
    criticalSince: from.optional(),
    clearSince: from.optional(),
    lastKnown: from.optional(),
    unknownSince: from.optional(),
    ruleHash: from.text(),
  };
}
