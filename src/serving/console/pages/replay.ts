import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { type Answer, Problem, pathOf } from './api.ts';
import { Badge, Trouble } from './parts.ts';
import { hrefOf } from './route.ts';
import { count, plain, plural, type Tone } from './words.ts';
import { write } from './write.ts';

/** What an answer says of one letter that was to be sent again. */
interface Replayed {
  readonly topic: string;
  readonly partition: number;
  readonly log_offset: number;
  readonly outcome: string;
  readonly detail: string;
  readonly new_partition: number | null;
  readonly new_log_offset: number | null;
}

interface Receipt {
  readonly sent: number;
  readonly held_back: number;
  readonly letters: readonly Replayed[];
}

/** Which letters: those that are named, or a choice. */
interface Wanted {
  readonly letters?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly reason?: string;
  readonly source?: string;
  readonly value?: string;
}

type State =
  | { readonly kind: 'idle' | 'asking' }
  | { readonly kind: 'refused'; readonly problem: Problem }
  | { readonly kind: 'shown'; readonly isDryRun: boolean; readonly of: string; readonly receipt: Receipt };

/** Asks all pages of a choice, one after another. */
async function replayAll(org: string, wanted: Wanted, more: object): Promise<Receipt> {
  const path = pathOf(['organizations', org, 'dead-letter-replays']);
  const letters: Replayed[] = [];
  let [sent, held_back] = [0, 0];
  let cursor: string | null = null;
  do {
    const body = { ...wanted, ...more, ...(cursor === null ? {} : { cursor }) };
    const page: Answer<Receipt> = (await write<Receipt>('POST', path, {}, body))!;
    letters.push(...page.data.letters);
    sent += page.data.sent;
    held_back += page.data.held_back;
    cursor = page.next_cursor;
  } while (cursor !== null);
  return { sent, held_back, letters };
}

const tones: Readonly<Record<string, Tone>> = {
  ...{ sent: 'good', would_be_sent: 'good', already_sent: 'idle', under_way: 'idle' },
  ...{ still_refused: 'bad', bytes_gone: 'bad', id_remembered: 'warn' },
};

/** First what would be sent, then the sending: of what was shown, and of nothing else. */
export function Replay({ org, wanted, title }: { org: string; wanted: Wanted; title: string }) {
  const [state, setState] = useState<State>({ kind: 'idle' });
  const [isRenewing, setRenewing] = useState(false);
  const of = JSON.stringify([wanted, isRenewing]);
  const ask = async (isDryRun: boolean): Promise<void> => {
    setState({ kind: 'asking' });
    try {
      const receipt = await replayAll(org, wanted, { new_event_ids: isRenewing, dry_run: isDryRun });
      setState({ kind: 'shown', isDryRun, of, receipt });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setState({ kind: 'refused', problem: error });
    }
  };
  const isShown = state.kind === 'shown' && state.of === of;
  const canSend = isShown && state.isDryRun && state.receipt.sent > 0;
  return html`<section class="card replay"><h2>${title}</h2>
    <p>Letters go as new records at the end of the log, each once, with the bytes as they came${wanted.value === undefined ? '' : ' or as you wrote them'}. Those that would be refused again stay here.</p>
    <p><label><input type="checkbox" checked=${isRenewing} onChange=${(event: Event) => setRenewing((event.target as HTMLInputElement).checked)} /> With new event ids, where the engine remembers their own</label></p>
    <p class="actions"><button type="button" class="button" disabled=${state.kind === 'asking'} onClick=${() => void ask(true)}>Show what would be sent</button>
      ${canSend ? html`<button type="button" class="button" onClick=${() => void ask(false)}>Send ${plural(state.receipt.sent, 'record')} again</button>` : null}
      <span role="status">${isShown ? summary(state.receipt, state.isDryRun) : state.kind === 'asking' ? 'Asking …' : ''}</span></p>
    ${state.kind === 'refused' ? html`<${Trouble} problem=${state.problem} isOver=${false} />` : null}
    ${isShown ? html`<${Outcomes} org=${org} letters=${state.receipt.letters} />` : null}</section>`;
}

function summary({ sent, held_back }: Receipt, isDryRun: boolean): string {
  const held = held_back === 0 ? '' : `, ${count(held_back)} held back`;
  return `${plural(sent, 'record')} ${isDryRun ? 'would be sent' : 'sent again'}${held}.`;
}

function Outcomes({ org, letters }: { org: string; letters: readonly Replayed[] }) {
  if (letters.length === 0) return html`<p class="dim">No letter is meant.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Outcomes"><table class="grid"><thead><tr><th scope="col">Address</th><th scope="col">Outcome</th><th scope="col">Why, or where it lies now</th></tr></thead>
    <tbody>${letters.map(({ topic, partition, log_offset, outcome, detail, new_partition, new_log_offset }) => {
      const now = [topic, String(new_partition), String(new_log_offset)];
      return html`<tr key=${`${topic} ${partition} ${log_offset}`}><th scope="row">${partition} : ${log_offset}</th><td><${Badge} tone=${tones[outcome] ?? 'unknown'}>${plain(outcome)}<//></td>
        <td>${detail} ${new_log_offset === null ? null : html`<a href=${hrefOf(org, 'records', now)}>${new_partition} : ${new_log_offset}</a>`}</td></tr>`;
    })}</tbody></table></div>`;
}
