import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { whole } from '../../model/whole.ts';
import type { PacingStatus } from '../../pacing/pacing.ts';
import { OrderPace } from '../order-pace.ts';
import type { Organization } from '../organization.ts';
import { readAlert, writeAlert } from './alerts.ts';
import type { Section } from './section.ts';

/** Alerts are written as section `source_alerts` writes them in its version 2. */
const alertsVersion = 2;

/** What was last said of each order of an organization, with its alerts; those without orders have none. */
export const ordersSection: Section<Organization> = {
  id: 63,
  name: 'orders',
  version: 1,

  write(out: ByteWriter, { orders }: Organization): void {
    if (orders === null) return;
    out.count(orders.size);
    for (const [id, pace] of orders) {
      out.text(id);
      out.optional(pace.lastAsOf);
      out.text(pace.lastStatus ?? '');
      out.flag(pace.wasStale);
      out.optional(pace.persistedAt);
      out.optional(pace.persistedOsi);
      out.flag(pace.persistedSpend !== null);
      if (pace.persistedSpend !== null) out.exact(pace.persistedSpend);
      out.count(pace.alerts.size);
      for (const [rule, alert] of pace.alerts) {
        out.text(rule);
        writeAlert(out, alert);
      }
    }
  },

  read(from: ByteReader, _version: number, organization: Organization): void {
    organization.orders = new Map();
    for (let n = from.count(); n > 0; n--) organization.orders.set(from.text(), readPace(from));
  },
};

function readPace(from: ByteReader): OrderPace {
  const pace = new OrderPace();
  pace.lastAsOf = from.optional();
  pace.lastStatus = (from.text() || null) as PacingStatus | null;
  pace.wasStale = from.flag();
  pace.persistedAt = from.optional();
  pace.persistedOsi = from.optional();
  pace.persistedSpend = from.flag() ? whole(from.exact()) : null;
  for (let n = from.count(); n > 0; n--) pace.alerts.set(from.text(), readAlert(from, alertsVersion));
  return pace;
}
