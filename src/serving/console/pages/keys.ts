import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

const steps: Readonly<Record<string, number>> = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 };

/**
 * Moves through the links marked `data-row` by arrows, j and k, and keeps the focus on a row that a new answer put
 * elsewhere. `/` goes to the filter. One such list a page.
 */
export function useRowKeys(list: RefObject<HTMLElement | null>): void {
  const focused = useRef('');
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key === '/') return focusFilter(event);
      const step = steps[event.key];
      const rows = [...(list.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
      const at = rows.indexOf(document.activeElement as HTMLElement);
      // Arrows scroll the page until a row was chosen.
      if (step === undefined || rows.length === 0 || (at < 0 && event.key.startsWith('Arrow'))) return;
      event.preventDefault();
      rows[Math.max(0, Math.min(rows.length - 1, at + step))].focus();
    };
    const onFocus = ({ target }: FocusEvent): void => {
      focused.current = target instanceof HTMLElement ? (target.dataset.row ?? '') : '';
    };
    document.addEventListener('keydown', onKey);
    document.addEventListener('focusin', onFocus);
    return () => {
      document.removeEventListener('keydown', onKey);
      document.removeEventListener('focusin', onFocus);
    };
  }, []);
  useLayoutEffect(() => {
    if (focused.current === '' || document.activeElement !== document.body) return;
    list.current
      ?.querySelector<HTMLElement>(`[data-row="${CSS.escape(focused.current)}"]`)
      ?.focus({ preventScroll: true });
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
}

function focusFilter(event: KeyboardEvent): void {
  const filter = document.querySelector<HTMLInputElement>('input[type=search]');
  if (filter === null) return;
  event.preventDefault();
  filter.focus();
}
