import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { pathOf, useAnswer } from './api.ts';
import { Answered, Badge, Heading, Time } from './parts.ts';
import { Replay } from './replay.ts';
import { hrefOf, type Route } from './route.ts';
import { plain, plural, type Tone } from './words.ts';

interface Changed {
  readonly table: string;
  readonly campaign_id: string;
  readonly flight_id: string;
  readonly name: string;
  readonly at: string;
  readonly version: string;
  readonly is_last: boolean;
}

interface Shown {
  readonly topic: string;
  readonly partition: number;
  readonly log_offset: number;
  readonly log_time: string;
  readonly held_by: string;
  readonly key_base64: string | null;
  readonly raw_base64: string | null;
  readonly raw_length: number;
  readonly raw_sha256: string;
  readonly kind: string | null;
  readonly event_time: string | null;
  readonly fields: Readonly<Record<string, unknown>> | null;
  readonly problem: { readonly reason: string; readonly detail: string } | null;
  readonly fate: string;
  readonly fate_detail: string;
  readonly changed: readonly Changed[];
}

interface Sent {
  readonly by: string;
  readonly at: string;
  readonly topic: string;
  readonly new_partition: number;
  readonly new_log_offset: number | null;
  readonly is_mended: boolean;
}

const fates: Readonly<Record<string, { readonly tone: Tone; readonly words: string }>> = {
  dead_letter: { tone: 'bad', words: 'Could not be used' },
  unreadable: { tone: 'bad', words: 'Cannot be read' },
  late: { tone: 'warn', words: 'Came too late' },
  test: { tone: 'idle', words: 'A test, counted nowhere' },
  control: { tone: 'idle', words: 'Of the engine itself' },
  taken: { tone: 'good', words: 'Taken' },
};

const holders: Readonly<Record<string, string>> = {
  log: 'the log holds it',
  bronze: 'the log has forgotten it, bronze holds it',
  dead_letters: 'neither the log nor bronze holds it, the dead letter does',
};

/** One record by its address: bytes, what they say, what became of it, and its mending. */
export function RecordView({ org, args }: Route) {
  const [topic, partition, offset] = args;
  const record = useAnswer<Shown>(pathOf(['organizations', org, 'records', topic, partition, offset]), 0);
  return html`<${Heading} title=${`Record ${partition} : ${offset}`}><a class="up" href=${hrefOf(org, 'records')}>Records</a><span class="dim">${topic}</span><//>
    <${Answered} shown=${record}>${(shown: Shown) => html`<${Found} org=${org} record=${shown} />`}<//>`;
}

function Found({ org, record }: { org: string; record: Shown }) {
  const { topic, partition, log_offset, fate, fate_detail, problem, held_by } = record;
  const { tone, words } = fates[fate] ?? { tone: 'unknown', words: plain(fate) };
  const isDead = fate === 'dead_letter';
  return html`<p class="story"><${Badge} tone=${tone}>${words}<//> ${fate_detail}${
    isDead && problem === null ? ' Its bytes can be read now.' : ''
  }</p>
    <section class="card"><h2>What it is</h2><ul class="plain-list">
      <li><b>${record.kind === null ? 'Nobody can tell' : plain(record.kind)}</b>, in the log at <${Time} at=${record.log_time} detail="second" />${
        record.event_time === null ? null : html`, happened at <${Time} at=${record.event_time} detail="second" />`
      }; ${holders[held_by]}</li>
      ${problem === null ? null : html`<li>Decoding says now: <b>${plain(problem.reason)}.</b> ${problem.detail}</li>`}
      <li>${plural(record.raw_length, 'byte')}, SHA-256 <code>${record.raw_sha256}</code></li></ul></section>
    ${record.fields === null ? null : html`<${Fields} fields=${record.fields} />`}
    ${record.changed.length === 0 ? null : html`<${Rows} org=${org} rows=${record.changed} />`}
    <${Bytes} title="Key" base64=${record.key_base64} /><${Bytes} title="Value" base64=${record.raw_base64} />
    ${isDead ? html`<${Mending} org=${org} record=${record} address=${`${topic}/${partition}/${log_offset}`} /><${History} org=${org} record=${record} />` : null}`;
}

function Fields({ fields }: { fields: Readonly<Record<string, unknown>> }) {
  const said = Object.entries(fields).filter(([, value]) => value !== null);
  return html`<section class="card"><h2>What it says</h2><div class="scroll flat" tabindex="0" role="region" aria-label="Fields"><table class="grid values"><thead><tr><th scope="col">Field</th><th scope="col">Value</th></tr></thead>
    <tbody>${said.map(
      ([name, value]) =>
        html`<tr key=${name}><th scope="row"><code>${name}</code></th><td>${shownField(name, value)}</td></tr>`,
    )}</tbody></table></div></section>`;
}

/** Instants come in ms, and are told by their names. */
function shownField(name: string, value: unknown) {
  const isInstant = /(_time|_at|_start|_end|_through)$/.test(name) && typeof value === 'number' && value > 1e11;
  if (isInstant) return html`<${Time} at=${value} detail="second" /> <span class="dim">${value}</span>`;
  return html`<code>${typeof value === 'string' ? value : JSON.stringify(value)}</code>`;
}

function Rows({ org, rows }: { org: string; rows: readonly Changed[] }) {
  return html`<section class="card"><h2>What it changed</h2><div class="scroll" tabindex="0" role="region" aria-label="Rows"><table class="grid"><thead><tr><th scope="col">Row</th><th scope="col">Of</th><th scope="col">Version</th></tr></thead>
    <tbody>${rows.map(({ table, campaign_id, flight_id, name, at, version, is_last }) => {
      const names = [campaign_id, flight_id, name].filter((each) => each !== '').join(' ');
      return html`<tr key=${`${table} ${names} ${at}`}><th scope="row">${plain(table)}<span class="under">${at.includes('T') ? html`<${Time} at=${at} detail="second" />` : at}</span></th>
        <td>${flight_id === '' ? names : html`<a href=${hrefOf(org, 'flights', [campaign_id, flight_id])}>${names}</a>`}</td>
        <td><code>${version}</code><span class="under">${is_last ? 'of this record' : 'it lies in it; later ones changed it since'}</span></td></tr>`;
    })}</tbody></table></div></section>`;
}

/** Nothing is edited on the way: what is sent is what came, or what stands in the field. */
function Mending({ org, record, address }: { org: string; record: Shown; address: string }) {
  const [isOpen, setOpen] = useState(false);
  const [value, setValue] = useState(() => textOf(record.raw_base64));
  const wanted = { letters: [address], ...(isOpen ? { value } : {}) };
  return html`<section class="card editor"><h2>Mend it</h2>
    <p><label><input type="checkbox" checked=${isOpen} onChange=${(event: Event) => setOpen((event.target as HTMLInputElement).checked)} /> Send another value in its place, which the audit log will say</label></p>
    ${
      isOpen
        ? html`<label for="mended">The event as JSON, with its type</label><div class="numbered"><span></span><textarea id="mended" rows="8" spellcheck=${false} autocomplete="off" value=${value}
          onInput=${(event: Event) => setValue((event.target as HTMLTextAreaElement).value)}></textarea></div>`
        : null
    }</section><${Replay} org=${org} wanted=${wanted} title="Send it again" />`;
}

/** JSON as it came; the fields of what is none are the reader's to write. */
function textOf(base64: string | null): string {
  const text = base64 === null ? '' : new TextDecoder().decode(bytesOf(base64));
  return text.startsWith('{') ? text : '{"type": ""}';
}

function History({ org, record: { topic, partition, log_offset } }: { org: string; record: Shown }) {
  const members = { topic, partition: String(partition), log_offset: String(log_offset) };
  const sent = useAnswer<Sent[]>(pathOf(['organizations', org, 'dead-letter-replays'], members), 5_000);
  return html`<${Answered} shown=${sent}>${(data: Sent[]) =>
    data.length === 0
      ? null
      : html`<section class="card"><h2>Sent again</h2><ul class="plain-list">${data.map(
          ({ by, at, new_partition, new_log_offset, is_mended }) =>
            html`<li key=${at}><b>${by}</b> at <${Time} at=${at} detail="second" />${
              is_mended ? ', with a mended value' : ', as it came'
            }: ${
              new_log_offset === null
                ? 'under way'
                : html`<a href=${hrefOf(org, 'records', [topic, String(new_partition), String(new_log_offset)])}>record ${new_partition} : ${new_log_offset}</a>`
            }</li>`,
        )}</ul></section>`}<//>`;
}

const lineBytes = 16;
const linesMax = 128;

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** Offset, sixteen bytes, and what of them is text: as every hex viewer shows it. */
function Bytes({ title, base64 }: { title: string; base64: string | null }) {
  const bytes = bytesOf(base64 ?? '');
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
