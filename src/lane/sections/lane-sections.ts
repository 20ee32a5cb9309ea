import { assert } from '../../model/errors.ts';
import type { Campaign } from '../campaign.ts';
import type { LaneState } from '../lane-state.ts';
import type { Organization } from '../organization.ts';
import type { GroupedSection, OwnedSections, Section } from './section.ts';
import { byId } from './section-list.ts';

/** Lists of the lane that hold one list of sections for each organization, and for each campaign. */
export const organizationsList = { id: 1, name: 'organizations', version: 1 } as const;
export const campaignsList = { id: 2, name: 'campaigns', version: 1 } as const;

/** Campaigns are spread over these groups by slot; the group behind them is that of the lane as a whole. */
export const campaignGroups = 32;
export const laneGroup = campaignGroups;

/** Every section of a lane, in the order in which they are written and read. */
export class LaneSections {
  readonly lane: Section<LaneState>[] = [];
  readonly organizations: Section<Organization>[] = [];
  readonly campaigns: Section<Campaign>[] = [];
  readonly grouped: GroupedSection[] = [];
  laneById: ReadonlyMap<number, Section<LaneState>> = new Map();
  organizationsById: ReadonlyMap<number, Section<Organization>> = new Map();
  campaignsById: ReadonlyMap<number, Section<Campaign>> = new Map();
  groupedById: ReadonlyMap<number, GroupedSection> = new Map();
  /** Key groups of the store, those of campaigns and of the lane included. */
  groupCount = laneGroup + 1;

  /** Takes in the sections of one owner. */
  add({ lane = [], organizations = [], campaigns = [], grouped = [] }: OwnedSections): void {
    this.lane.push(...lane);
    this.organizations.push(...organizations);
    this.campaigns.push(...campaigns);
    for (const section of grouped) this.#addGrouped(section);
    this.laneById = byId(this.lane);
    this.organizationsById = byId(this.organizations);
    this.campaignsById = byId(this.campaigns);
    this.groupedById = byId(this.grouped);
    byId([organizationsList, campaignsList, ...this.lane, ...this.organizations, ...this.campaigns, ...this.grouped]);
  }

  /** The section that has the group for its own. */
  ownerOf(group: number): GroupedSection | undefined {
    return this.grouped.find(({ groups }) => group >= groups.first && group < groups.first + groups.count);
  }

  #addGrouped(section: GroupedSection): void {
    const { first, count } = section.groups;
    assert(first === this.groupCount, `groups of section "${section.name}" follow those of the section before`);
    this.grouped.push(section);
    this.groupCount = first + count;
  }
}
