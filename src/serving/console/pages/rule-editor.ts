import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem, pathOf } from './api.ts';
import { go, hrefOf } from './route.ts';
import { type Mistake, mistakesIn, placeOf } from './rule-places.ts';
import { write } from './write.ts';

/** A rule as it was when its editing began. Null version = it is not there yet. */
interface Edited {
  readonly ruleId: string;
  readonly text: string;
  readonly version: string | null;
}

interface EditorProps extends Edited {
  readonly org: string;
  /** The version that is there now: another one means that somebody else edited it. */
  readonly newest: string | null;
}

type State = { readonly kind: 'idle' | 'sending' | 'saved' } | { readonly kind: 'refused'; readonly problem: Problem };

/** The text of a rule to edit: saved with the version that was read, and each mistake shown at its place. */
export function RuleEditor({ org, ruleId, text, version, newest }: EditorProps) {
  const [begun, setBegun] = useState<Edited>({ ruleId, text, version });
  const [draft, setDraft] = useState(text);
  const [state, setState] = useState<State>({ kind: 'idle' });
  const area = useRef<HTMLTextAreaElement>(null);
  const own = useRef(new Set(version === null ? [] : [version]));
  const isChanged = draft !== begun.text;
  useLeaveGuard(isChanged);
  const path = pathOf(['organizations', org, 'rules', ruleId]);
  // Which version the writer saw; without one it must not be there yet.
  const seen: Record<string, string> =
    begun.version === null ? { 'If-None-Match': '*' } : { 'If-Match': `"${begun.version}"` };
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setState({ kind: 'sending' });
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setState({ kind: 'refused', problem: error });
    }
  };
  const save = () =>
    attempt(async () => {
      const { data } = (await write<{ version: string; text: string }>('PUT', path, seen, { text: draft }))!;
      own.current.add(data.version);
      setBegun({ ruleId, text: data.text, version: data.version });
      setState({ kind: 'saved' });
    });
  const remove = () =>
    attempt(async () => {
      if (!confirm(`Delete ${ruleId}? Its open alerts are resolved.`)) return setState({ kind: 'idle' });
      await write('DELETE', path, seen, null);
      go(hrefOf(org, 'rules'));
    });
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 's' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (isChanged) void save();
  };
  const mistakes = state.kind === 'refused' ? mistakesIn(state.problem.message) : [];
  // What the page read before our own edit may come after it.
  const isOld = newest !== null && begun.version !== newest && !own.current.has(newest);
  return html`<form class="editor" onSubmit=${(event: Event) => {
    event.preventDefault();
    void save();
  }}>
    <label for="rule-text">Text, as YAML</label>
    <${Numbered} area=${area} draft=${draft} mistakes=${mistakes} onKey=${onKey} onInput=${(now: string) => {
      setDraft(now);
      if (state.kind === 'saved') setState({ kind: 'idle' });
    }} />
    ${isOld ? html`<p class="trouble small" role="alert">Somebody else changed it meanwhile (version ${newest}, yours is of ${begun.version}). <button type="button" class="link" onClick=${() => location.reload()}>Load theirs</button>, which drops your edit.</p>` : null}
    ${state.kind === 'refused' ? html`<${Refusal} problem=${state.problem} mistakes=${mistakes} draft=${draft} area=${area} />` : null}
    <p class="actions"><button class="button" type="submit" disabled=${!isChanged || state.kind === 'sending'}>Save</button>
      <button type="button" class="link" disabled=${!isChanged} onClick=${() => {
        setDraft(begun.text);
        setState({ kind: 'idle' });
      }}>Undo my edit</button>
      ${begun.version === null ? null : html`<button type="button" class="link" onClick=${() => void remove()}>Delete the rule</button>`}
      <span role="status">${state.kind === 'saved' ? `Saved as version ${begun.version}; the next plan has it within a moment.` : isChanged ? 'Not saved yet.' : ''}</span></p>
  </form>`;
}

/** The text with its line numbers; those with a mistake are marked. */
function Numbered({
  area,
  draft,
  mistakes,
  onInput,
  onKey,
}: {
  area: { current: HTMLTextAreaElement | null };
  draft: string;
  mistakes: readonly Mistake[];
  onInput: (text: string) => void;
  onKey: (event: KeyboardEvent) => void;
}) {
  const gutter = useRef<HTMLDivElement>(null);
  const wrong = new Set(mistakes.map(({ line }) => line));
  const lines = draft.split('\n');
  const follow = (event: Event): void => {
    if (gutter.current !== null) gutter.current.scrollTop = (event.target as HTMLElement).scrollTop;
  };
  return html`<div class="numbered"><div class="gutter" aria-hidden="true" ref=${gutter}>${lines.map(
    (_, index) => html`<span key=${index} class=${wrong.has(index + 1) ? 'wrong' : ''}>${index + 1}</span>`,
  )}</div>
    <textarea id="rule-text" ref=${area} spellcheck=${false} autocomplete="off" wrap="off" rows=${Math.min(28, Math.max(12, lines.length + 1))}
      aria-invalid=${mistakes.length > 0} aria-describedby="rule-mistakes" value=${draft}
      onInput=${(event: Event) => onInput((event.target as HTMLTextAreaElement).value)} onKeyDown=${onKey} onScroll=${follow}></textarea></div>`;
}

/** Why it was not saved; a mistake with a place leads there. */
function Refusal({
  problem,
  mistakes,
  draft,
  area,
}: {
  problem: Problem;
  mistakes: readonly Mistake[];
  draft: string;
  area: { current: HTMLTextAreaElement | null };
}) {
  const goTo = (mistake: Mistake): void => {
    const at = placeOf(draft, mistake);
    area.current?.focus();
    area.current?.setSelectionRange(at, at);
  };
  return html`<div class="trouble" id="rule-mistakes" role="alert"><p><strong>It was not saved.</strong> <code>${problem.code}</code></p>
    ${
      mistakes.length === 0
        ? html`<p>${problem.message}</p>`
        : html`<ul class="plain-list">${mistakes.map(
            (
              mistake,
            ) => html`<li key=${`${mistake.line} ${mistake.column} ${mistake.message}`}><button type="button" class="link"
              onClick=${() => goTo(mistake)}>Line ${mistake.line}, column ${mistake.column}</button> ${mistake.message}</li>`,
          )}</ul>`
    }<p>${problem.next ?? ''}</p></div>`;
}

/** Leaving with an edit that was not saved is asked about by the browser. */
function useLeaveGuard(isChanged: boolean): void {
  useEffect(() => {
    if (!isChanged) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [isChanged]);
}

const template = (ruleId: string) => `id: ${ruleId}
name: What it is about
scope: flight
warning: p.osi_pct < 90.0
critical: p.osi_pct < 75.0
`;

/** Names a rule that is not there yet, and begins its text. */
export function NewRule({ org, ruleId, taken }: { org: string; ruleId: string; taken: readonly string[] }) {
  const [name, setName] = useState('');
  if (ruleId !== '')
    return html`<section class="card"><h2>${ruleId}</h2><${RuleEditor} org=${org} ruleId=${ruleId} text=${template(ruleId)} version=${null} newest=${null} /></section>`;
  const begin = (event: Event): void => {
    event.preventDefault();
    go(hrefOf(org, 'rules', [], { new: name }));
  };
  const isTaken = taken.includes(name);
  return html`<form class="new-rule" onSubmit=${begin}><label for="rule-id">Id of a new rule</label>
    <input id="rule-id" value=${name} maxlength=${64} required pattern="[A-Za-z0-9_.:\\-]+" aria-describedby="rule-id-why"
      onInput=${(event: Event) => setName((event.target as HTMLInputElement).value)} />
    <button class="button" type="submit" disabled=${isTaken || name === ''}>Write it</button>
    <span id="rule-id-why" role="status">${isTaken ? 'A rule of this id is there already.' : ''}</span></form>`;
}
