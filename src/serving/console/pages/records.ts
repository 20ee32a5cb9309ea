import { html } from 'htm/preact';
import { useRef } from 'preact/hooks';
import { pathOf, useAnswer, useSeen } from './api.ts';
import { useRowKeys } from './keys.ts';
import { Answered, Heading, Nothing, Time } from './parts.ts';
import { go, goQuery, hrefOf, type Route } from './route.ts';
import { count, plain, plural } from './words.ts';

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
  readonly schema_id: number;
  readonly raw_length: number;
  readonly raw_sha256: string;
  readonly version: string;
}

interface RawLetter extends Letter {
  readonly key_base64: string;
  readonly raw_base64: string;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** Records that could not be used, by why; and one of them, by its address. */
export function Records({ org, args, query }: Route) {
  const [topic, partition, offset] = args;
  if (offset !== undefined)
    return html`<${Record} org=${org} topic=${topic} partition=${partition} offset=${offset} />`;
  return html`<${DeadLetters} org=${org} reason=${query.get('reason') ?? ''} />`;
}

function DeadLetters({ org, reason }: { org: string; reason: string }) {
  const now = useSeen();
  const to = (Math.floor(now / hourMs) + 1) * hourMs;
  // The month up to the clock of the log: a replayed one lies in the past.
  const period = { from: new Date(to - 31 * dayMs).toISOString(), to: new Date(to).toISOString() };
  const pathFor = (name: string, members = {}): string | null =>
    now === 0 ? null : pathOf(['organizations', org, name], { ...period, ...members });
  const reasons = useAnswer<Reason[]>(pathFor('dead-letter-reasons'), 10_000);
  const letters = useAnswer<Letter[]>(pathFor('dead-letters', { reason, limit: '100' }), 10_000);
  return html`<${Heading} title="Records" /><p class="story">Records of the last 31 days that could not be used. None is dropped: each keeps its address, its reason and its bytes.</p>
    <${Address} org=${org} />
    <${Answered} shown=${reasons}>${(data: Reason[]) =>
      data.length === 0
        ? html`<${Nothing} title="Every record could be used">Bad ones would stand here with their reason.<//>`
        : html`<${Reasons} reasons=${data} chosen=${reason} />
          <${Answered} shown=${letters}>${(list: Letter[]) => html`<${Letters} org=${org} letters=${list} />`}<//>`}<//>`;
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

function Record({ org, topic, partition, offset }: { org: string; topic: string; partition: string; offset: string }) {
  const letter = useAnswer<RawLetter>(pathOf(['organizations', org, 'dead-letters', topic, partition, offset]), 0);
  return html`<${Heading} title=${`Record ${partition} : ${offset}`}><a class="up" href=${hrefOf(org, 'records')}>Records</a><span class="dim">${topic}</span><//>
    <${Answered} shown=${letter}>${(
      shown: RawLetter,
    ) => html`<p class="story"><b>${plain(shown.reason)}.</b> ${shown.detail}</p>
      <section class="card"><h2>What it is</h2><ul class="plain-list">
        <li>In the log at <${Time} at=${shown.log_time} detail="second" />, schema ${shown.schema_id}, row version <code>${shown.version}</code></li>
        <li>${plural(shown.raw_length, 'byte')}, SHA-256 <code>${shown.raw_sha256}</code></li></ul></section>
      <${Bytes} title="Key" base64=${shown.key_base64} /><${Bytes} title="Value" base64=${shown.raw_base64} />`}<//>`;
}

const lineBytes = 16;
const linesMax = 128;

/** Offset, sixteen bytes, and what of them is text: as every hex viewer shows it. */
function Bytes({ title, base64 }: { title: string; base64: string }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const lines = Array.from({ length: Math.min(linesMax, Math.ceil(bytes.length / lineBytes)) }, (_, line) => {
    const own = [...bytes.subarray(line * lineBytes, (line + 1) * lineBytes)];
    const hex = own.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = own.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('');
    return `${(line * lineBytes).toString(16).padStart(6, '0')}  ${hex.padEnd(lineBytes * 3)} ${text}`;
  });
  const rest = bytes.length - linesMax * lineBytes;
  return html`<section class="card"><h2>${title} <span class="dim">${plural(bytes.length, 'byte')}</span></h2>${
    bytes.length === 0
      ? html`<p class="dim">It has none.</p>`
      : html`<pre class="condition" tabindex="0" role="region" aria-label=${`Bytes of the ${title.toLowerCase()}`}>${lines.join('\n')}</pre>`
  }${rest > 0 ? html`<p class="dim">and ${plural(rest, 'more byte', 'more bytes')}, which the API gives</p>` : null}</section>`;
}
