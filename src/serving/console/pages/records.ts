import { html } from 'htm/preact';
import { useRef } from 'preact/hooks';
import { pathOf, useAnswer, useSeen } from './api.ts';
import { useRowKeys } from './keys.ts';
import { Answered, Heading, Nothing, Time } from './parts.ts';
import { Replay } from './replay.ts';
import { go, goQuery, hrefOf, type Route } from './route.ts';
import { count, plain } from './words.ts';

interface Reason {
  readonly topic: string;
  readonly reason: string;
  readonly records: number;
  readonly newest: string;
}

interface Letter {
  readonly topic: string;
  readonly partition: number;
  readonly log_offset: number;
  readonly log_time: string;
  readonly reason: string;
  readonly detail: string;
  readonly raw_length: number;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** Records that could not be used, by why, where from and when; and how the mended ones go again. */
export function Records({ org, query }: Route) {
  const [reason, source] = [query.get('reason') ?? '', query.get('source') ?? ''];
  const now = useSeen();
  // The month up to the clock of the log, which lies in the past where it is a replayed one, or up to a day of it. An
  // organization of which no flight was judged has seen no clock: then it is that of this machine.
  const last = (Math.floor((now === 0 ? Date.now() : now) / hourMs) + 1) * hourMs;
  const until = query.get('until') ?? '';
  const to = until === '' ? last : Date.parse(`${until}T00:00:00Z`) + dayMs;
  const since = query.get('since') ?? '';
  const from = since === '' ? to - 31 * dayMs : Math.max(to - 31 * dayMs, Date.parse(`${since}T00:00:00Z`));
  const isPeriod = from < to;
  const period = isPeriod ? { from: new Date(from).toISOString(), to: new Date(to).toISOString() } : {};
  const pathFor = (name: string, members = {}): string | null =>
    !isPeriod ? null : pathOf(['organizations', org, name], { ...period, ...members });
  const reasons = useAnswer<Reason[]>(pathFor('dead-letter-reasons'), 10_000);
  const letters = useAnswer<Letter[]>(pathFor('dead-letters', { reason, source, limit: '100' }), 10_000);
  const wanted = { ...period, ...(reason === '' ? {} : { reason }), ...(source === '' ? {} : { source }) };
  return html`<${Heading} title="Records" /><p class="story">Records that could not be used. None is dropped: each keeps its address, its reason and its bytes, and goes again when what was wrong is mended.</p>
    <${Address} org=${org} />
    <${Filters} source=${source} since=${since} until=${until} />
    ${isPeriod ? null : html`<p class="trouble small" role="alert">The period ends before it begins.</p>`}
    <${Answered} shown=${reasons}>${(data: Reason[]) =>
      data.length === 0
        ? html`<${Nothing} title="Every record could be used">Bad ones would stand here with their reason.<//>`
        : html`<${Reasons} reasons=${data} chosen=${reason} />
          <${Answered} shown=${letters}>${(list: Letter[]) =>
            html`<${Letters} org=${org} letters=${list} />${list.length === 0 ? null : html`<${Replay} org=${org} wanted=${wanted} title="Send them again" />`}`}<//>`}<//>`;
}

function Filters({ source, since, until }: { source: string; since: string; until: string }) {
  const set = (event: Event): void => {
    const { name, value, validity } = event.target as HTMLInputElement;
    if (validity.valid) goQuery({ [name]: value });
  };
  return html`<div class="address" role="group" aria-label="Which of them" onChange=${set}>
    <label>Source <input name="source" value=${source} pattern="[A-Za-z0-9_.:\\-]{1,64}" size="14" /></label>
    <label>From <input name="since" type="date" value=${since} /></label>
    <label>To <input name="until" type="date" value=${until} /></label></div>`;
}

function Address({ org }: { org: string }) {
  const look = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    go(
      hrefOf(
        org,
        'records',
        ['topic', 'partition', 'offset'].map((name) => String(form.get(name))),
      ),
    );
  };
  return html`<form class="address" onSubmit=${look}>
    <label>Topic <input name="topic" required pattern="[A-Za-z0-9._\\-]{1,249}" value="ads.events.v1" /></label>
    <label>Partition <input name="partition" required pattern="\\d{1,5}" inputmode="numeric" size="4" /></label>
    <label>Offset <input name="offset" required pattern="\\d{1,15}" inputmode="numeric" size="10" /></label>
    <button type="submit" class="button">Show the record</button></form>`;
}

function Reasons({ reasons, chosen }: { reasons: readonly Reason[]; chosen: string }) {
  const counts = new Map<string, number>();
  for (const { reason, records } of reasons) counts.set(reason, (counts.get(reason) ?? 0) + records);
  const total = [...counts.values()].reduce((sum, records) => sum + records, 0);
  return html`<div class="tools"><div class="chips" role="group" aria-label="Records by reason">${[
    ['', total] as const,
    ...counts,
  ].map(
    ([reason, records]) =>
      html`<button type="button" class="chip" key=${reason} aria-pressed=${reason === chosen} onClick=${() => goQuery({ reason })}>${
        reason === '' ? 'All' : plain(reason)
      } <b>${count(records)}</b></button>`,
  )}</div></div>`;
}

function Letters({ org, letters }: { org: string; letters: readonly Letter[] }) {
  const list = useRef<HTMLElement>(null);
  useRowKeys(list);
  return html`<div ref=${list}><table class="grid letters"><caption class="hidden">Records that could not be used, the newest first</caption>
    <thead><tr><th scope="col">Address</th><th scope="col">Reason</th><th scope="col" class="wide">What was found</th><th scope="col" class="number wide">Bytes</th><th scope="col" class="number">In the log at</th></tr></thead>
    <tbody>${letters.map(({ topic, partition, log_offset, reason, detail, raw_length, log_time }) => {
      const address = [topic, String(partition), String(log_offset)];
      return html`<tr key=${address.join('/')}><th scope="row"><a data-row=${address.join('/')} href=${hrefOf(org, 'records', address)}>${partition} : ${log_offset}</a><span class="under">${topic}</span></th>
        <td>${plain(reason)}</td><td class="wide">${detail}</td><td class="number wide">${count(raw_length)}</td><td class="number"><${Time} at=${log_time} /></td></tr>`;
    })}</tbody></table></div>`;
}
