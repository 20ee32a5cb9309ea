import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { type Campaign, part } from '../campaign.ts';
import { ControlWords } from '../control-words.ts';
import type { Section } from './section.ts';

/** What control records said that no ledger keeps, of campaigns whose rules ask. */
export const controlWordsSection: Section<Campaign> = {
  id: 37,
  name: 'control_words',
  version: 1,

  write(out: ByteWriter, campaign: Campaign, all: boolean): void {
    const { words } = campaign;
    if (words === null || (all ? words.isEmpty : !campaign.hasChanged(part.words))) return;
    out.count(words.creatives.size);
    for (const { id, status, policy, at, order, disapprovals } of words.creatives.values()) {
      out.text(id);
      out.text(status);
      out.flag(policy !== null);
      if (policy !== null) out.text(policy);
      out.double(at);
      out.double(order);
      out.count(disapprovals.length);
      for (const time of disapprovals) out.double(time);
    }
    out.count(words.budgets.size);
    for (const [order, { by, source }] of words.budgets) {
      out.double(order);
      out.flag(by !== null);
      if (by !== null) out.text(by);
      out.text(source);
    }
  },

  read(from: ByteReader, _version: number, campaign: Campaign): void {
    const words = new ControlWords();
    for (let n = from.count(); n > 0; n--) {
      const [id, status] = [from.text(), from.text()];
      const policy = from.flag() ? from.text() : null;
      const [at, order] = [from.double(), from.double()];
      const disapprovals = Array.from({ length: from.count() }, () => from.double());
      words.keepCreative({ id, status, policy, at, order, disapprovals });
    }
    for (let n = from.count(); n > 0; n--) {
      const order = from.double();
      const by = from.flag() ? from.text() : null;
      words.sayBudget(order, by, from.text());
    }
    campaign.words = words;
  },

  forget(campaign: Campaign): void {
    campaign.words = null;
  },
};
