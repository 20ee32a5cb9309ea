import { dayMs, hourMs, minuteMs } from '../model/time.ts';
import type { CampaignRun } from './campaign-run.ts';
import { originOf } from './deliver.ts';
import type { Random } from './random.ts';
import type { Transport } from './transport.ts';
import type { Churn } from './world.ts';

/** People at their consoles, and the labelled budget cuts. */
export class ControlChurn {
  readonly #random: Random;
  readonly #transport: Transport;
  readonly #churn: Churn;

  constructor(random: Random, transport: Transport, churn: Churn) {
    this.#random = random;
    this.#transport = transport;
    this.#churn = churn;
  }

  minute(run: CampaignRun, minute: number): void {
    for (const fault of run.faults) {
      if (fault.kind === 'budget_cut' && fault.from_ms === minute) this.#setBudget(run, minute, fault.factor);
      // Said, and not done: the run knows nothing of it.
      if (fault.kind === 'ignores_pause' && fault.from_ms === minute)
        this.#sayPause(run, 'ADVERTISER', minute, fault.until_ms);
    }
    if (minute >= run.endMs) return;
    const perMinute = minuteMs / dayMs;
    const u = this.#random.unit() / perMinute;
    const { budget_changes, pauses, extensions } = this.#churn;
    if (u < budget_changes) this.#setBudget(run, minute, this.#random.between(0.8, 1.5));
    else if (u < budget_changes + pauses) this.#pause(run, minute);
    else if (u < budget_changes + pauses + extensions) this.#extend(run, minute);
  }

  #setBudget(run: CampaignRun, at: number, factor: number): void {
    run.budgetMicros = Math.max(1, Math.round(run.budgetMicros * factor));
    run.ledgerVersion += 1;
    run.replan(at);
    this.#transport.send('budget_changed', originOf(run, 'console', at), {
      // Without a flight, the record means the one that runs.
      ...(this.#random.chance(0.3) && { flight_id: null }),
      budget_micros: run.budgetMicros,
      daily_cap_micros: run.campaign.daily_cap_micros,
      currency: run.campaign.currency,
      effective_at: at,
      actor: this.#random.pick(['planner', 'owner', 'api']),
      ledger_version: run.ledgerVersion,
    });
  }

  #pause(run: CampaignRun, at: number): void {
    // Its one pause is the one that it ignores: another would end or begin in the middle of it.
    if (run.has('ignores_pause')) return;
    const until = at + Math.floor(this.#random.between(0.5, 8) * hourMs);
    const cause = this.#random.pick(['ADVERTISER', 'ADVERTISER', 'POLICY', 'PAYMENT', 'SCHEDULE']);
    run.pausedUntilMs = until;
    this.#sayPause(run, cause, at, until);
    if (cause !== 'POLICY') return;
    const creative = { creative_id: `${run.campaign.campaign_id}-c1`, policy_code: 'misleading-claim' };
    this.#transport.send('creative_status', originOf(run, 'review', at), { ...creative, status: 'disapproved' });
    const approved = { ...creative, policy_code: null, status: 'approved' };
    this.#transport.send('creative_status', originOf(run, 'review', until), approved);
  }

  #sayPause(run: CampaignRun, cause: string, at: number, until: number): void {
    for (const [status, effective_at] of [['PAUSED', at] as const, ['ACTIVE', until] as const])
      this.#transport.send('status_changed', originOf(run, 'console', effective_at), { status, cause, effective_at });
  }

  #extend(run: CampaignRun, at: number): void {
    // What is spent after its end is labelled by the end that was ordered.
    if (run.has('spends_after_end')) return;
    if (run.endDay - run.campaign.start_day > 1_000) return;
    run.endDay += this.#random.integer(1, 7);
    run.endMs = run.zone.dayStart(run.endDay + 1);
    run.ledgerVersion += 1;
    run.replan(at);
    const { campaign } = run;
    this.#transport.send('flight_changed', originOf(run, 'console', at), {
      start_local: campaign.start_day,
      end_local: run.endDay,
      tz: campaign.zone,
      mode: campaign.mode,
      curve_id: campaign.mode === 'TRAFFIC' ? 'traffic' : null,
      rebase: this.#random.pick(['ON_PLAN', 'ON_PLAN', 'ON_ACTUAL', 'NONE']),
      effective_at: at,
      ledger_version: run.ledgerVersion,
    });
  }
}
