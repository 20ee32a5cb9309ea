import type { Campaign, CampaignPlanView } from './campaign.ts';
import type { LaneState } from './lane-state.ts';
import { campaignsOf } from './organization-books.ts';

/** So many campaigns are compared with at most, the first by id. */
const peersMax = 64;

interface Found {
  /** Campaigns of the organization when they were looked for. */
  readonly of: number;
  readonly peers: readonly Campaign[];
}

/** By label, '' = by advertiser; looked for again when plans change and when campaigns come. */
const known = new WeakMap<CampaignPlanView, Map<string, Found>>();

/** The organization's other campaigns of the same advertiser, or with the same value of a label, by id. */
export function peersOf(state: LaneState, campaign: Campaign, label: string | null): readonly Campaign[] {
  const view = state.planView(campaign);
  const all = campaignsOf(state, state.organizations[campaign.orgSlot]);
  const byLabel = known.get(view) ?? new Map<string, Found>();
  known.set(view, byLabel);
  const before = byLabel.get(label ?? '');
  if (before?.of === all.length) return before.peers;
  const groupOf = (each: Campaign) => {
    const { advertiser, labels = {} } = state.campaignPlan(each);
    if (label === null) return advertiser;
    return Object.hasOwn(labels, label) ? labels[label] : undefined;
  };
  const group = groupOf(campaign);
  const others = group === undefined ? [] : all.filter((each) => each.id !== campaign.id && groupOf(each) === group);
  const peers = others.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, peersMax);
  byLabel.set(label ?? '', { of: all.length, peers });
  return peers;
}
