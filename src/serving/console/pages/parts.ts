import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import type { Problem, Shown } from './api.ts';
import { exactMoney, money, span, type Tone, time, toMs } from './words.ts';

/** What views are built of. */

export function Heading({ title, children }: { title: string; children?: ComponentChildren }) {
  return html`<header class="heading"><h1 tabindex="-1">${title}</h1>${children}</header>`;
}

/** A word with a shape and a colour: none of the three alone says it. */
export function Badge({ tone, children }: { tone: Tone; children?: ComponentChildren }) {
  return html`<span class=${`badge ${tone}`}>${children}</span>`;
}

export function Money({ micros, currency, digits = 0 }: { micros: string | null; currency: string; digits?: number }) {
  return html`<span class="money" title=${exactMoney(micros, currency)}>${money(micros, digits)}${
    micros === null ? null : html` <span class="unit">${currency}</span>`
  }</span>`;
}

export function Time({ at, detail }: { at: string | number | null; detail?: 'minute' | 'second' | 'day' }) {
  if (at === null) return html`<span>–</span>`;
  const iso = new Date(toMs(at)).toISOString();
  return html`<time datetime=${iso} title=${iso}>${time(at, detail)}</time>`;
}

/** Spend within budget, and a mark where it should be. */
export function SpendBar({ spent, expected, tone }: { spent: number | null; expected: number | null; tone: Tone }) {
  const width = (share: number): string => `${Math.max(0, Math.min(1, share)) * 100}%`;
  return html`<span class=${`bar ${tone}`} aria-hidden="true">
    <span class="fill" style=${{ width: width(spent ?? 0) }}></span>
    ${expected === null ? null : html`<span class="tick" style=${{ left: width(expected) }}></span>`}
  </span>`;
}

export function Trouble({ problem, isOver }: { problem: Problem; isOver: boolean }) {
  return html`<div class=${isOver ? 'trouble small' : 'trouble'} role="alert">
    <p><strong>${isOver ? 'Not live at the moment. ' : ''}${problem.message}</strong></p>
    <p>${problem.next ?? ''} <code>${problem.code}</code>${
      problem.requestId === null ? null : html` <span class="dim">request ${problem.requestId}</span>`
    }</p>
  </div>`;
}

export function Nothing({ title, children }: { title: string; children?: ComponentChildren }) {
  return html`<div class="nothing"><p class="title">${title}</p><p>${children}</p></div>`;
}

function Waiting() {
  return html`<div class="waiting" role="status"><span class="hidden">Loading</span>
    ${[92, 78, 85, 64].map((width) => html`<span class="line" style=${{ width: `${width}%` }}></span>`)}</div>`;
}

/** An answer in one of its four states: awaited, refused, refused after it was there, and there. */
export function Answered<Data>({
  shown,
  children,
}: {
  shown: Shown<Data>;
  children: (data: Data) => ComponentChildren;
}) {
  const { answer, problem } = shown;
  return html`${problem === null ? null : html`<${Trouble} problem=${problem} isOver=${answer !== null} />`}
    ${answer !== null ? children(answer.data) : problem === null ? html`<${Waiting} />` : null}`;
}

export function Stat({
  label,
  tone,
  children,
  note,
}: {
  label: string;
  tone?: Tone;
  children: ComponentChildren;
  note?: ComponentChildren;
}) {
  return html`<div class=${`stat ${tone ?? ''}`}><dt>${label}</dt><dd>${children}${
    note === undefined ? null : html`<span class="note">${note}</span>`
  }</dd></div>`;
}

/** How far each source was complete when something was judged. */
export function Completeness({ text, at }: { text: string; at: string }) {
  const sources = text
    .split(',')
    .filter(Boolean)
    .map((each) => each.split('='));
  return sources.map(
    ([name, through]) =>
      html`<li key=${name}>Source <b>${name}</b>: ${
        through === 'none'
          ? 'how far it was complete was not known'
          : html`complete to <${Time} at=${Number(through)} />, ${span(toMs(at) - Number(through))} before this`
      }</li>`,
  );
}
