import { html } from 'htm/preact';
import { pathOf, useAnswer } from './api.ts';
import { Answered, Heading, Nothing } from './parts.ts';
import { go, hrefOf, type Route } from './route.ts';
import { isUtc, toMs } from './words.ts';

interface Explained {
  readonly sentences: readonly string[];
}

interface Rule {
  readonly rule_id: string;
}

/** Why a rule was silent about a campaign at a moment: asked here, and told in sentences. */
export function WhyNotView({ org, query }: Route) {
  const [campaign, rule, at] = ['campaign', 'rule', 'at'].map((name) => query.get(name) ?? '');
  const isAsked = campaign !== '' && rule !== '';
  const path = pathOf(['organizations', org, 'campaigns', campaign, 'rules', rule, 'explanation'], { at });
  const told = useAnswer<Explained>(isAsked ? path : null, 0);
  return html`<${Heading} title="Why did it not fire?"><a class="up" href=${hrefOf(org, 'alerts')}>Alerts</a><//>
    <${WhyNotForm} org=${org} campaign=${campaign} rule=${rule} at=${at} />
    ${
      isAsked
        ? html`<${Answered} shown=${told}>${({ sentences }: Explained) => html`<${Sentences} told=${sentences} />`}<//>`
        : html`<${Nothing} title="Name a campaign and a rule">What the rule compared, what was not complete, and since when it holds stands here then.<//>`
    }`;
}

/** Evidence of a verdict is set in by two spaces, and stands below it. */
function Sentences({ told }: { told: readonly string[] }) {
  const [opening, ...rest] = told;
  const verdicts: { text: string; evidence: string[] }[] = [];
  for (const each of rest)
    if (each.startsWith('  ') && verdicts.length > 0) verdicts.at(-1)!.evidence.push(each.trim());
    else verdicts.push({ text: each, evidence: [] });
  return html`<section class="card why"><h2>${opening}</h2>${verdicts.map(
    ({ text, evidence }, at) => html`<p key=${at}><b>${text}</b></p>
    <ul class="plain-list">${evidence.map((each, line) => html`<li key=${line}>${each}</li>`)}</ul>`,
  )}</section>`;
}

/** The question: campaign, rule and time. */
export function WhyNotForm({ org, campaign, rule, at }: { org: string; campaign: string; rule: string; at: string }) {
  const rules = useAnswer<Rule[]>(pathOf(['organizations', org, 'rules']), 0);
  const ask = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const said = (name: string) => String(form.get(name) ?? '').trim();
    go(
      hrefOf(org, 'alerts', ['why-not'], { campaign: said('campaign'), rule: said('rule'), at: instantOf(said('at')) }),
    );
  };
  return html`<form class="address" onSubmit=${ask}>
    <label>Campaign <input name="campaign" required maxlength=${64} pattern="[A-Za-z0-9_.:\\-]+" value=${campaign} /></label>
    <label>Rule <input name="rule" required maxlength=${64} pattern="[A-Za-z0-9_.:\\-]+" list="rules-here" value=${rule} /></label>
    <datalist id="rules-here">${(rules.answer?.data ?? []).map(({ rule_id }) => html`<option key=${rule_id} value=${rule_id}></option>`)}</datalist>
    <label>As known at <input name="at" type="datetime-local" step="1" value=${at === '' ? '' : fieldOf(at)} /></label>
    <button type="submit" class="button">Ask why</button></form>`;
}

/** What the field says is in the zone of all times of the page; empty = the newest. */
function instantOf(field: string): string {
  return field === '' ? '' : new Date(isUtc() ? `${field}Z` : field).toISOString();
}

function fieldOf(instant: string): string {
  const ms = toMs(instant);
  const shift = isUtc() ? 0 : new Date(ms).getTimezoneOffset() * 60_000;
  return Number.isNaN(ms) ? '' : new Date(ms - shift).toISOString().slice(0, 19);
}
