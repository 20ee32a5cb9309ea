import { html } from 'htm/preact';
import { useRef } from 'preact/hooks';
import { pathOf, useAnswer, useSeen } from './api.ts';
import { Answered, Badge, Heading, Time } from './parts.ts';
import { goQuery, hrefOf, type Route } from './route.ts';
import { RuleEditor } from './rule-editor.ts';
import { memberOf, type Rule } from './rule-text.ts';
import { subjectOf } from './subject.ts';
import { alertTone, plain, type Tone } from './words.ts';

interface RuleAlert {
  readonly alert_id: string;
  readonly fingerprint: string;
  readonly rule_id: string;
  readonly campaign_id: string;
  readonly source: string;
  readonly group_id: string;
  readonly advertiser: string;
  readonly to_state: string;
  readonly level: string;
  readonly summary: string;
}

interface Evaluation {
  readonly campaign_id: string;
  readonly flight_id: string;
  readonly source: string;
  readonly group_id: string;
  readonly advertiser: string;
  readonly evaluated_at: string;
  readonly outcome: string;
  readonly state: string;
  readonly level: string;
  readonly values: Readonly<Record<string, number | string | boolean | null>>;
}

export function RuleView({ org, args: [ruleId], query }: Route) {
  const rule = useAnswer<Rule>(pathOf(['organizations', org, 'rules', ruleId]), 10_000);
  const alerts = useAnswer<RuleAlert[]>(
    pathOf(['organizations', org, 'alerts'], { rule_id: ruleId, limit: '100' }),
    4_000,
  );
  return html`<${Heading} title=${ruleId}><a class="up" href=${hrefOf(org, 'rules')}>Rules</a><//>
    <${Answered} shown=${rule}>${({
      text,
      is_own,
      kept_in,
      version,
    }: Rule) => html`<p class="story">${memberOf(text, 'name')}. ${is_own ? 'It is of this organization alone' : "It is everyone's"}, and is changed in ${
      kept_in === 'files' ? html`its file, by <code>paceline apply</code>` : 'the database'
    }.</p>
      <section class="card"><h2>Text</h2>${
        is_own && kept_in === 'database'
          ? html`<${RuleEditor} org=${org} ruleId=${ruleId} text=${text} version=${version} newest=${version} />`
          : html`<pre class="condition" tabindex="0" role="region" aria-label="Text of the rule">${text
              .trimEnd()
              .split('\n')
              .map((line) => html`<span class=${line.startsWith('#') ? 'dim' : ''}>${`${line}\n`}</span>`)}</pre>`
      }</section>`}<//>
    <section class="card"><h2>Open alerts</h2><${Answered} shown=${alerts}>${(data: RuleAlert[]) =>
      data.length === 0
        ? html`<p class="dim">None is open now.</p>`
        : html`<ul class="plain-list">${data.map(
            ({
              alert_id,
              fingerprint,
              campaign_id,
              source,
              group_id,
              advertiser,
              to_state,
              level,
              summary,
            }) => html`<li key=${fingerprint}><${Badge} tone=${alertTone(to_state, level)}>${to_state === 'firing' ? plain(level) : plain(to_state)}<//>
            <a href=${hrefOf(org, 'alerts', [alert_id])}>${subjectOf({ campaign_id, source, group_id, advertiser })}</a> ${summary}</li>`,
          )}</ul>`}<//></section>
    <${Outcomes} org=${org} ruleId=${ruleId} outcome=${query.get('outcome') ?? ''} />`;
}

function valueText(value: number | string | boolean | null): string {
  return typeof value === 'number'
    ? value.toLocaleString('en', { maximumFractionDigits: 2 })
    : String(value ?? 'unknown');
}

const outcomes: Readonly<Record<string, Tone>> = {
  critical: 'bad',
  warning: 'warn',
  unknown: 'unknown',
  error: 'bad',
  insufficient: 'idle',
  outside: 'idle',
  false: 'good',
};
const outcomeWords: Readonly<Record<string, string>> = {
  false: 'Did not hold',
  insufficient: 'Too little to judge',
  outside: 'Outside its hours',
};
const weekMs = 7 * 86_400_000;
const hourMs = 3_600_000;

/** The last judgements with what they looked at: why it fired, and why it did not. */
function Outcomes({ org, ruleId, outcome }: { org: string; ruleId: string; outcome: string }) {
  const now = useSeen();
  const to = (Math.floor(now / hourMs) + 1) * hourMs;
  const members = { from: new Date(to - weekMs).toISOString(), to: new Date(to).toISOString(), limit: '100', outcome };
  const evaluations = useAnswer<Evaluation[]>(
    now === 0 ? null : pathOf(['organizations', org, 'rules', ruleId, 'evaluations'], members),
    4_000,
  );
  const kept = useRef(evaluations);
  if (evaluations.answer !== null || evaluations.problem !== null) kept.current = evaluations;
  const words = (name: string): string => outcomeWords[name] ?? plain(name);
  return html`<section class="card"><h2>Its last judgements</h2>
    <div class="chips" role="group" aria-label="Judgements by outcome">${['', ...Object.keys(outcomes)].map(
      (name) => html`<button type="button" class="chip" key=${name}
      aria-pressed=${outcome === name} onClick=${() => goQuery({ outcome: name })}>${name === '' ? 'All' : words(name)}</button>`,
    )}</div>
    <${Answered} shown=${kept.current}>${(data: Evaluation[]) =>
      data.length === 0
        ? html`<p class="dim">None in the last seven days.</p>`
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Judgements"><table class="grid"><thead><tr><th scope="col">When</th><th scope="col">Of</th><th scope="col">Outcome</th><th scope="col">State after it</th><th scope="col">Values</th></tr></thead>
          <tbody>${data.map(
            (
              each,
            ) => html`<tr key=${`${each.evaluated_at} ${each.campaign_id} ${each.flight_id} ${each.source}`}><td><${Time} at=${each.evaluated_at} /></td>
            <th scope="row">${each.campaign_id === '' ? subjectOf(each) : html`<a href=${hrefOf(org, 'flights', [each.campaign_id, each.flight_id], { at: each.evaluated_at })}>${each.campaign_id}</a>`}</th>
            <td><${Badge} tone=${outcomes[each.outcome] ?? 'idle'}>${words(each.outcome)}<//></td><td>${plain(each.state)}</td>
            <td class="under">${Object.entries(each.values)
              .map(([name, value]) => `${name} ${valueText(value)}`)
              .join(', ')}</td></tr>`,
          )}</tbody></table></div>`}<//></section>`;
}
