import { html } from 'htm/preact';
import { useRef } from 'preact/hooks';
import { pathOf, useAnswer } from './api.ts';
import { useRowKeys } from './keys.ts';
import { Answered, Heading, Nothing, Time } from './parts.ts';
import { hrefOf, type Route } from './route.ts';
import { NewRule } from './rule-editor.ts';
import { memberOf, type Rule } from './rule-text.ts';
import { plain } from './words.ts';

interface Plan {
  readonly number: number;
  readonly evaluated_at: string;
}

interface RuleAlert {
  readonly rule_id: string;
}

export function Rules({ org, query }: Route) {
  const newId = query.get('new');
  const rules = useAnswer<Rule[]>(pathOf(['organizations', org, 'rules']), 10_000);
  const plan = useAnswer<Plan>(pathOf(['organizations', org, 'plan']), 10_000);
  const alerts = useAnswer<RuleAlert[]>(pathOf(['organizations', org, 'alerts'], { limit: '500' }), 4_000);
  const open = Map.groupBy(alerts.answer?.data ?? [], ({ rule_id }) => rule_id);
  const list = useRef<HTMLElement>(null);
  useRowKeys(list);
  return html`<${Heading} title="Rules" />
    <p class="story">As they are written now.${plan.answer === null ? '' : html` Plan <b>${plan.answer.data.number}</b> is in force; its newest verdict is of <${Time} at=${plan.answer.data.evaluated_at} />.`}</p>
    <${Answered} shown=${rules}>${(data: Rule[]) =>
      html`${
        data.length > 0 && data.every(({ kept_in }) => kept_in === 'files')
          ? null
          : html`<${NewRule} key=${newId ?? ''} org=${org} ruleId=${newId ?? ''} taken=${data.map(({ rule_id }) => rule_id)} />`
      }${
        data.length === 0
          ? html`<${Nothing} title="No rule holds here">Rules are YAML files in <code>config/rules/</code>; <code>paceline apply</code> puts them in force.<//>`
          : html`<div ref=${list}><table class="grid rules"><caption class="hidden">Rules by their ids</caption>
          <thead><tr><th scope="col">Rule</th><th scope="col" class="wide">Looks at</th><th scope="col" class="wide">Whose</th><th scope="col" class="number">Open alerts</th></tr></thead>
          <tbody>${data.map(
            ({
              rule_id,
              text,
              is_own,
            }) => html`<tr key=${rule_id}><th scope="row"><a data-row=${rule_id} href=${hrefOf(org, 'rules', [rule_id])}>${rule_id}</a><span class="under">${memberOf(text, 'name')}</span></th>
            <td class="wide">${plain(memberOf(text, 'scope') || 'flight')}</td><td class="wide">${is_own ? 'Its own' : "Everyone's"}</td><td class="number">${open.get(rule_id)?.length ?? 0}</td></tr>`,
          )}</tbody></table></div>`
      }`}<//>`;
}
