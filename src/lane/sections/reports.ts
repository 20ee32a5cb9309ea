import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { Campaign } from '../campaign.ts';
import {
  CampaignReports,
  type Counts,
  currencyOfCode,
  isByTouch,
  reportsKeptMs,
  revenueCode,
  typedCode,
  typeOfCode,
} from '../campaign-reports.ts';
import type { LaneState } from '../lane-state.ts';
import type { Names } from '../names.ts';
import type { Report, ReportFeed } from '../report-feed.ts';
import type { Section } from './section.ts';

/** What a code of `Counts` means, as it is written; version 1 knew no types. */
const means = { place: 0, revenue: 1, type: 2 } as const;

/** The reports of feeds that count: those since the last harvest, to be put on top, or all. */
export function reportsSection(state: LaneState): Section<Campaign> {
  return {
    id: 26,
    name: 'reports',
    version: 2,

    write(out: ByteWriter, campaign: Campaign, all: boolean): void {
      const { reports } = campaign;
      if (reports === null) return;
      if (all) reports.forgetBefore(Math.min(state.clock - reportsKeptMs, state.reportsReach(campaign.orgId)));
      const fresh = reports.fresh ?? [];
      if (!all && fresh.length === 0 && !reports.wasSpendForgotten) return;
      out.flag(!all && reports.wasSpendForgotten);
      const { currencies } = campaign.books;
      if (all) {
        out.count(countOf(reports.spend) + countOf(reports.counts));
        forEachFeed(reports.spend, (name, feed) => feed.visit((report) => writeSpend(out, name, report)));
        forEachFeed(reports.counts, (name, feed) => feed.visit((report) => writeCounts(out, name, report, currencies)));
        return;
      }
      out.count(fresh.length);
      for (const each of fresh) {
        if (each.of === 'spend') writeSpend(out, each.feed, each.report);
        else writeCounts(out, each.feed, each.report, currencies);
      }
    },

    read(from: ByteReader, _version: number, campaign: Campaign): void {
      campaign.reports ??= new CampaignReports();
      const { reports } = campaign;
      if (from.flag()) reports.clearSpend();
      for (let n = from.count(); n > 0; n--) {
        const isSpend = from.flag();
        const feed = from.text();
        const span = { from: from.double(), to: from.double(), order: from.double() };
        if (isSpend) reports.spendFeed(feed).restore({ ...span, amount: from.double() });
        else reports.countsFeed(feed).restore({ ...span, amount: readCounts(from, campaign.books.currencies) });
      }
    },

    forget(campaign: Campaign): void {
      campaign.reports = null;
    },

    settle(campaign: Campaign): void {
      campaign.reports?.settle();
    },
  };
}

/** By name: equal states are equal bytes, whichever feed spoke first. */
function forEachFeed<A>(feeds: ReadonlyMap<string, ReportFeed<A>>, visit: (name: string, feed: ReportFeed<A>) => void) {
  if (feeds.size < 2) for (const [name, feed] of feeds) visit(name, feed);
  else for (const name of [...feeds.keys()].sort()) visit(name, feeds.get(name) as ReportFeed<A>);
}

function countOf<A>(feeds: ReadonlyMap<string, ReportFeed<A>>): number {
  let count = 0;
  for (const feed of feeds.values()) count += feed.length;
  return count;
}

function writeSpend(out: ByteWriter, feed: string, report: Report<number>): void {
  writeSpan(out, true, feed, report);
  out.double(report.amount);
}

function writeCounts(out: ByteWriter, feed: string, report: Report<Counts>, currencies: Names): void {
  writeSpan(out, false, feed, report);
  out.count(report.amount.length);
  for (const [code, amount] of report.amount) {
    const [currency, type] = [currencyOfCode(code), typeOfCode(code)];
    if (type >= 0) {
      out.count(means.type);
      out.count(type);
      out.flag(isByTouch(code));
    } else if (currency >= 0) {
      out.count(means.revenue);
      out.text(currencies.text(currency));
      out.flag(isByTouch(code));
    } else {
      out.count(means.place);
      out.count(code);
    }
    out.exact(amount);
  }
}

function readCounts(from: ByteReader, currencies: Names): Counts {
  const counts: [code: number, amount: number][] = [];
  for (let n = from.count(); n > 0; n--) {
    counts.push([readCode(from, currencies), from.integer()]);
  }
  return counts;
}

function readCode(from: ByteReader, currencies: Names): number {
  const meant = from.count();
  if (meant === means.place) return from.count();
  if (meant === means.revenue) return revenueCode(currencies.number(from.text()), from.flag());
  return typedCode(from.count(), from.flag());
}

function writeSpan(out: ByteWriter, isSpend: boolean, feed: string, { from, to, order }: Report<unknown>): void {
  out.flag(isSpend);
  out.text(feed);
  out.double(from);
  out.double(to);
  out.double(order);
}
