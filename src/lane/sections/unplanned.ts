import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { whole } from '../../model/whole.ts';
import { unplannedCauses } from '../../rules/rule-values.ts';
import { type Campaign, part } from '../campaign.ts';
import { Unplanned } from '../unplanned.ts';
import type { DayAmounts } from '../unplanned-spend.ts';
import { readAlert, writeAlert } from './alerts.ts';
import type { Section } from './section.ts';

/** Until when a campaign is watched, what was said of its unplanned spend, and the alerts about it. */
export const unplannedSection: Section<Campaign> = {
  id: 33,
  name: 'unplanned',
  version: 2,

  write(out: ByteWriter, campaign: Campaign, all: boolean): void {
    const { unplanned } = campaign;
    if (unplanned === null || (all ? unplanned.isEmpty : !campaign.hasChanged(part.unplanned))) return;
    out.double(unplanned.watchedUntil);
    out.count(unplanned.said.size);
    // Equal states are equal bytes, in whatever order days came.
    for (const [day, { spend, causes }] of [...unplanned.said].sort(([a], [b]) => a - b)) {
      out.int32(day);
      out.exact(spend);
      for (const cause of unplannedCauses) out.exact(causes[cause]);
    }
    out.count(unplanned.hasAlerts ? unplanned.alerts.size : 0);
    if (!unplanned.hasAlerts) return;
    for (const [rule, alert] of unplanned.alerts) {
      out.text(rule);
      writeAlert(out, alert);
    }
  },

  read(from: ByteReader, version: number, campaign: Campaign): void {
    const unplanned = new Unplanned();
    unplanned.watchedUntil = from.double();
    for (let n = from.count(); n > 0; n--) {
      const day = from.int32();
      const spend = whole(from.exact());
      const causes = Object.fromEntries(unplannedCauses.map((cause) => [cause, whole(from.exact())]));
      unplanned.say(day, { spend, causes: causes as DayAmounts['causes'] });
    }
    for (let n = from.count(); n > 0; n--) unplanned.alerts.set(from.text(), readAlert(from, version));
    campaign.unplanned = unplanned;
  },

  forget(campaign: Campaign): void {
    campaign.unplanned = null;
  },
};
