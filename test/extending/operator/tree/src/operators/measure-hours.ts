import type { EventBatch } from '../events/event-batch.ts';
import { kind } from '../events/kinds.ts';
import type { Campaign } from '../lane/campaign.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { NumberSlab } from '../lane/number-slab.ts';
import type { OwnedSections, Section } from '../lane/sections/section.ts';
import { hourMs } from '../model/time.ts';
import type { RowWriter } from '../rows/row-binary.ts';
import { campaignHours } from '../rows/tables.ts';
import type { LaneOutputs } from './lane-outputs.ts';
import type { Operator } from './operator.ts';
import type { Segment } from './segment.ts';

/** Place of each number in an hour's record. */
const hourAt = { impressions: 0, offset: 1 } as const;

/** What is remembered of one campaign. */
class Hours {
  /** Record of each hour in the slab. */
  readonly bases = new Map<number, number>();
  /** Hours that changed since the last harvest. */
  readonly dirty = new Set<number>();
}

/** Counts valid impressions by campaign and hour: how often an ad is shown. */
export class MeasureHours implements Operator {
  readonly name = 'hours';
  readonly does = 'impressions by hour';
  readonly state: OwnedSections;
  readonly #state: LaneState;
  readonly #outputs: LaneOutputs;
  readonly #rows: RowWriter<typeof campaignHours>;
  readonly #slab = new NumberSlab([0, 0]);
  /** By slot of the campaign. */
  readonly #hours: (Hours | undefined)[] = [];
  readonly #dirty = new Set<Campaign>();

  constructor(state: LaneState, outputs: LaneOutputs) {
    this.#state = state;
    this.#outputs = outputs;
    this.#rows = outputs.rowsOf(campaignHours);
    this.state = { campaigns: [this.#section()] };
  }

  onSegment(segment: Segment): void {
    const { batch, counted, slots, impressions, from, to } = segment;
    for (let row = from; row < to; row++) {
      if (counted[row] === 0 || batch.kinds[row] !== kind.impression || impressions[row] === 0) continue;
      this.#count(batch, row, slots[row], impressions[row]);
    }
  }

  harvest(): void {
    for (const campaign of this.#dirty) {
      const hours = this.#hoursOf(campaign);
      for (const hour of hours.dirty) this.#write(campaign, hour, hours.bases.get(hour) as number);
      hours.dirty.clear();
    }
    this.#dirty.clear();
  }

  #count(batch: EventBatch, row: number, slot: number, impressions: number): void {
    const campaign = this.#state.campaigns[slot];
    const hours = this.#hoursOf(campaign);
    const hour = Math.floor(batch.eventTimes[row] / hourMs);
    const base = this.#bring(hours, hour);
    this.#slab.values[base + hourAt.impressions] += impressions;
    this.#slab.values[base + hourAt.offset] = batch.offsets[row];
    hours.dirty.add(hour);
    this.#dirty.add(campaign);
  }

  #write(campaign: Campaign, hour: number, base: number): void {
    this.#rows.write({
      org_id: campaign.orgId,
      campaign_id: campaign.id,
      hour: hour * hourMs,
      impressions: this.#slab.values[base + hourAt.impressions],
      partition: this.#outputs.partition,
      version: this.#outputs.version(this.#slab.values[base + hourAt.offset]),
    });
  }

  #hoursOf({ slot }: Campaign): Hours {
    const known = this.#hours[slot];
    if (known !== undefined) return known;
    const hours = new Hours();
    this.#hours[slot] = hours;
    return hours;
  }

  #bring(hours: Hours, hour: number): number {
    const known = hours.bases.get(hour);
    if (known !== undefined) return known;
    const base = this.#slab.take();
    hours.bases.set(hour, base);
    return base;
  }

  #release(hours: Hours, hour: number, base: number): void {
    this.#slab.release(base);
    hours.bases.delete(hour);
    hours.dirty.delete(hour);
  }

  /** The hours that changed, or all that delivery may still reach. */
  #section(): Section<Campaign> {
    return {
      id: 64,
      name: 'hours',
      version: 1,

      write: (out, campaign, all) => {
        const hours = this.#hoursOf(campaign);
        if (all) this.#prune(hours);
        const written = all ? [...hours.bases.keys()] : [...hours.dirty];
        if (written.length === 0) return;
        out.count(written.length);
        for (const hour of written) {
          const base = hours.bases.get(hour) as number;
          out.int32(hour);
          out.count(this.#slab.values[base + hourAt.impressions]);
          out.count(this.#slab.values[base + hourAt.offset]);
        }
      },

      read: (from, _version, campaign) => {
        const hours = this.#hoursOf(campaign);
        for (let n = from.count(); n > 0; n--) {
          const base = this.#bring(hours, from.int32());
          this.#slab.values[base + hourAt.impressions] = from.count();
          this.#slab.values[base + hourAt.offset] = from.count();
        }
      },

      forget: (campaign) => {
        const hours = this.#hoursOf(campaign);
        for (const [hour, base] of hours.bases) this.#release(hours, hour, base);
        this.#dirty.delete(campaign);
      },
    };
  }

  /** No record in time belongs to an hour that ended before the lateness of delivery. */
  #prune(hours: Hours): void {
    const oldest = this.#state.clock - this.#state.limits.deliveryLatenessMs;
    for (const [hour, base] of hours.bases) {
      if ((hour + 1) * hourMs < oldest && !hours.dirty.has(hour)) this.#release(hours, hour, base);
    }
  }
}
