import { type Campaign, part } from '../lane/campaign.ts';
import { ControlWords, keptWord } from '../lane/control-words.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { assert } from '../model/errors.ts';
import type { Segment } from './segment.ts';

/** Remembers what control records said that no ledger keeps, where a rule in force asks (docs/semantics.md §8.6). */
export class FollowWords {
  readonly #state: LaneState;

  constructor(state: LaneState) {
    this.#state = state;
  }

  /** A creative_status that counted. */
  creative({ batch, slots }: Segment, row: number): void {
    const campaign = this.#state.campaigns[slots[row]];
    if (!this.#state.planView(campaign).asksForCreatives) return this.#forgetCreatives(campaign);
    const detail = batch.details.get(row);
    assert(detail?.kind === 'creative_status', 'a creative_status has its detail');
    this.#wordsOf(campaign).sayCreative({
      id: keptWord(detail.creative_id),
      status: keptWord(detail.status.toLowerCase()),
      policy: detail.policy_code === null ? null : keptWord(detail.policy_code),
      at: batch.eventTimes[row],
      order: batch.offsets[row],
    });
  }

  /** A budget_changed that counted. */
  budget({ batch }: Segment, row: number, campaign: Campaign): void {
    if (!this.#state.planView(campaign).asksWhoseBudget) return;
    const detail = batch.details.get(row);
    assert(detail?.kind === 'budget_changed', 'a budget_changed has its detail');
    const by = detail.actor === null ? null : keptWord(detail.actor);
    this.#wordsOf(campaign).sayBudget(batch.offsets[row], by, batch.dictionaries.sources.text(batch.sources[row]));
  }

  #wordsOf(campaign: Campaign): ControlWords {
    campaign.words ??= new ControlWords();
    this.#state.touchParts(campaign, part.words);
    return campaign.words;
  }

  /** What is missed from here on would make a lie of what is remembered. */
  #forgetCreatives(campaign: Campaign): void {
    if (campaign.words === null || campaign.words.creatives.size === 0) return;
    campaign.words.creatives.clear();
    this.#state.touchParts(campaign, part.words);
  }
}
