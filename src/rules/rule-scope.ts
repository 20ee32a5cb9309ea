import { z } from 'zod';
import { planId as name } from './plan-words.ts';

/** For which campaigns of an organization a rule is (docs/semantics.md §8.1), by their ids, advertisers and labels. */

/** More names than this are what labels are for. */
const namesMax = 1_000;
const valuesMax = 256;

const label = z.string().max(256);
/** An id, or the beginning of ids with `*` behind it: ids hold no `*`. */
const pattern = z.string().regex(/^[A-Za-z0-9_.:-]{1,64}\*?$/, 'must be an id, or the beginning of ids and a *');

const patterns = z.array(pattern).min(1).max(namesMax);
const labels = z.record(name, z.union([label, z.array(label).min(1).max(valuesMax)]));
const chosen = { campaigns: patterns.optional(), advertisers: patterns.optional(), match: labels.optional() };
const saysNone = 'must name campaigns, advertisers or labels (match)';
const isSaid = (all: object) => Object.keys(all).length > 0;
const excluded = z.strictObject({ ...chosen, orders: patterns.optional() }).refine(isSaid, saysNone);

/** The keys of a plan's order that say which campaigns are its members. */
export const memberScope = {
  match: labels,
  campaigns: patterns.optional(),
  advertisers: patterns.optional(),
  exclude: z.strictObject(chosen).refine(isSaid, saysNone).optional(),
} as const;

/** The keys of a rule that say it; files and plans have the same. */
export const ruleScope = {
  /** Labels that the campaign must carry, all of them; of several values of one, any. */
  match: labels,
  campaigns: patterns.optional(),
  advertisers: patterns.optional(),
  /** Of rules of scope order: their ids. */
  orders: patterns.optional(),
  /** What fits any of these is out. */
  exclude: excluded.optional(),
} as const;

type Labels = Readonly<Record<string, string | readonly string[]>>;

export interface RuleScope {
  readonly match: Labels;
  readonly campaigns?: readonly string[] | undefined;
  readonly advertisers?: readonly string[] | undefined;
  readonly exclude?:
    | {
        readonly campaigns?: readonly string[] | undefined;
        readonly advertisers?: readonly string[] | undefined;
        readonly match?: Labels | undefined;
      }
    | undefined;
}

/** What a plan says of a campaign, as far as rules choose by it. */
interface Chosen {
  readonly advertiser?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Whether the rule asks for campaigns by their ids, so that what it says of one is not what it says of its like. */
export function namesCampaigns({ campaigns, exclude }: RuleScope): boolean {
  return campaigns !== undefined || exclude?.campaigns !== undefined;
}

export function isForCampaign(rule: RuleScope, id: string, own: Chosen): boolean {
  const { match, campaigns, advertisers, exclude } = rule;
  const { advertiser, labels = {} } = own;
  if (campaigns !== undefined && !fitsAny(campaigns, id)) return false;
  if (advertisers !== undefined && (advertiser === undefined || !fitsAny(advertisers, advertiser))) return false;
  if (!Object.entries(match).every(([key, wanted]) => carries(labels, key, wanted))) return false;
  if (exclude === undefined) return true;
  if (exclude.campaigns !== undefined && fitsAny(exclude.campaigns, id)) return false;
  if (exclude.advertisers !== undefined && advertiser !== undefined && fitsAny(exclude.advertisers, advertiser))
    return false;
  return !Object.entries(exclude.match ?? {}).some(([key, wanted]) => carries(labels, key, wanted));
}

export function fitsAny(wanted: readonly string[], id: string): boolean {
  return wanted.some((each) => fits(each, id));
}

export function fits(wanted: string, id: string): boolean {
  return wanted.endsWith('*') ? id.startsWith(wanted.slice(0, -1)) : id === wanted;
}

function carries(labels: Readonly<Record<string, string>>, key: string, wanted: string | readonly string[]): boolean {
  if (!Object.hasOwn(labels, key)) return false;
  return typeof wanted === 'string' ? labels[key] === wanted : wanted.includes(labels[key]);
}
