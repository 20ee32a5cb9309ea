import { html } from 'htm/preact';
import { pathOf, useAnswer } from './api.ts';
import { Answered, Badge, Completeness, Heading, Time } from './parts.ts';
import { hrefOf, type Route } from './route.ts';
import { subjectOf } from './subject.ts';
import { WhyNotForm } from './why-not.ts';
import { alertTone, plain, span, toMs } from './words.ts';

type Value = number | string | boolean | null;

interface Receipt {
  readonly alert_id: string;
  readonly fingerprint: string;
  readonly rule_id: string;
  readonly campaign_id: string;
  readonly flight_id: string;
  readonly source: string;
  readonly group_id: string;
  readonly advertiser: string;
  readonly mode: string;
  readonly from_state: string;
  readonly to_state: string;
  readonly level: string;
  readonly reason: string;
  readonly as_of: string;
  readonly evaluated_at: string;
  readonly active_since: string | null;
  readonly condition: string;
  readonly values: Readonly<Record<string, Value>>;
  readonly completeness: string;
  readonly summary: string;
  readonly notified: number;
  readonly told: string;
  readonly withheld: string;
  readonly rule_hash: string;
  readonly plan_number: number;
  readonly partition: number;
  readonly log_offset: number;
  readonly version: string;
}

const reasons: Readonly<Record<string, string>> = {
  condition: 'its condition held for as long as the rule asks',
  escalated: 'the condition of a higher level held',
  deescalated: 'the condition of the higher level holds no more',
  cleared: 'the condition that clears it held',
  guard: 'the guard of the rule holds no more',
  schedule: 'the hours of the rule are over',
  announced: 'people could be told now of what holds',
  no_data: 'what it needs to know is not known',
  error: 'its condition could not be computed',
  scope_ended: 'what it watched has ended',
  rule_updated: 'the rule was changed',
  rule_deleted: 'the rule was deleted',
};

/** Why this fired, or stopped: everything that the decision was made of. */
export function ReceiptView({ org, args: [alertId] }: Route) {
  const receipt = useAnswer<Receipt>(pathOf(['organizations', org, 'transitions', alertId]), 0);
  return html`<${Answered} shown=${receipt}>${(shown: Receipt) => html`
    <${Heading} title=${shown.rule_id}><a class="up" href=${hrefOf(org, 'alerts')}>Alerts</a>
      <span class="dim">${subjectOf(shown)}</span><//>
    <p class="story"><${Badge} tone=${alertTone(shown.to_state, shown.level)}>${shown.to_state === 'firing' ? plain(shown.level) : plain(shown.to_state)}<//> ${shown.summary}</p>
    <${Decision} receipt=${shown} />
    <${Values} receipt=${shown} />
    <${Trail} org=${org} receipt=${shown} />
    <${Chain} org=${org} alertId=${alertId} />
    ${shown.campaign_id === '' ? null : html`<section class="card"><h2>Why did another rule not fire?</h2><${WhyNotForm} org=${org} campaign=${shown.campaign_id} rule="" at=${shown.evaluated_at} /></section>`}`}<//>`;
}

function Decision({ receipt }: { receipt: Receipt }) {
  const { from_state, to_state, reason, condition, active_since, evaluated_at } = receipt;
  return html`<section class="card"><h2>What was decided</h2>
    <p>At <${Time} at=${evaluated_at} detail="second" /> it went from <b>${plain(from_state)}</b> to <b>${plain(to_state)}</b>, because ${reasons[reason] ?? reason}.${
      active_since === null
        ? null
        : html` The condition has held since <${Time} at=${active_since} />, for ${span(toMs(evaluated_at) - toMs(active_since))}.`
    }</p>
    ${condition === '' ? null : html`<pre class="condition" tabindex="0" role="region" aria-label="Condition"><code>${condition}</code></pre>`}</section>`;
}

/** The values beside what the condition compared them with, where it says so plainly. */
function comparedWith(condition: string, name: string): string[] {
  const escaped = name.replaceAll('.', '\\.');
  return [...condition.matchAll(new RegExp(`(?<![\\w.])${escaped}\\s*([<>=!]=?)\\s*([^&|)]+)`, 'g'))].map(
    ([, operator, other]) => `${operator} ${other.trim()}`,
  );
}

function Values({ receipt: { values, condition } }: { receipt: Receipt }) {
  const names = Object.keys(values);
  return html`<section class="card"><h2>What it was decided on</h2>${
    names.length === 0
      ? html`<p class="dim">The rule names no value.</p>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label="Values"><table class="grid values"><thead><tr><th scope="col">Value</th><th scope="col" class="number">Was</th><th scope="col">Compared</th></tr></thead>
        <tbody>${names.map(
          (name) => html`<tr key=${name}><th scope="row"><code>${name}</code></th>
          <td class="number"><b>${shownValue(values[name])}</b></td><td><code>${comparedWith(condition, name).join(', ') || ''}</code></td></tr>`,
        )}</tbody></table></div>`
  }</section>`;
}

function shownValue(value: Value): string {
  if (value === null) return 'unknown';
  return typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 4 }) : String(value);
}

const withheldWords: Readonly<Record<string, string>> = {
  shadow: 'in shadow: nobody was told',
  flapping: 'nobody was told: it comes and goes',
  inhibited: 'nobody was told: a rule that says it better fires',
  cool_down: 'nobody was told: they were a short while ago',
  day_limit: 'nobody was told: they were often enough that day',
};

/** Whether people heard of it, and why not. */
function toldWords({ mode, notified, withheld }: Receipt): string {
  if (mode === 'shadow') return withheldWords.shadow;
  if (withheld !== '') return withheldWords[withheld] ?? withheld;
  return notified === 1 ? 'and people were told' : 'and there was nothing to tell';
}

function Trail({ org, receipt }: { org: string; receipt: Receipt }) {
  const { campaign_id, flight_id, completeness, as_of, evaluated_at } = receipt;
  return html`<section class="card"><h2>Where it came from</h2><ul class="plain-list">
    <li>Values are complete to <${Time} at=${as_of} detail="second" />, ${span(toMs(evaluated_at) - toMs(as_of))} before the decision</li>
    <${Completeness} text=${completeness} at=${evaluated_at} />
    <li>Plan <b>${receipt.plan_number}</b>, the deciding part of the rule <code>${receipt.rule_hash}</code>, ${toldWords(receipt)}</li>
    <li>Record at partition <b>${receipt.partition}</b>, offset <b>${receipt.log_offset}</b> of the log; row version <code>${receipt.version}</code></li>
    <li>Transition <code>${receipt.alert_id}</code> of alert <code>${receipt.fingerprint}</code></li>
    ${campaign_id === '' ? null : html`<li><a href=${hrefOf(org, 'flights', [campaign_id, flight_id], { at: evaluated_at })}>The flight as it was known then</a></li>`}
  </ul></section>`;
}

/** The whole chain in sentences, as `paceline explain` tells it. */
function Chain({ org, alertId }: { org: string; alertId: string }) {
  const path = pathOf(['organizations', org, 'transitions', alertId, 'explanation']);
  const told = useAnswer<{ readonly sentences: readonly string[] }>(path, 0);
  return html`<section class="card"><h2>How it came, and what became of it</h2><${Answered} shown=${told}>${({
    sentences,
  }: {
    sentences: readonly string[];
  }) =>
    html`<details><summary>${sentences.length} steps</summary><ul class="plain-list">${sentences.map(
      (sentence, at) => html`<li key=${at}>${sentence}</li>`,
    )}</ul></details>`}<//></section>`;
}
