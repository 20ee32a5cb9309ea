import { useEffect, useState } from 'preact/hooks';

export interface Route {
  /** Empty: no organization was chosen yet. */
  readonly org: string;
  readonly view: string;
  /** What stands behind the view in the path, unescaped. */
  readonly args: readonly string[];
  readonly query: URLSearchParams;
}

/** The address of a view: organization, view and time are all in it, so that it can be handed on. */
export function hrefOf(org: string, view: string, args: readonly string[] = [], query: Record<string, string> = {}) {
  const path = ['/console', org, view, ...args].map((part, at) => (at === 0 ? part : encodeURIComponent(part)));
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  return `${path.join('/')}${search === '' ? '' : `?${search}`}`;
}

function readRoute(url: URL): Route {
  const [, org = '', view = 'board', ...args] = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  return { org, view, args, query: url.searchParams };
}

const moved = 'paceline:moved';

export function go(href: string, isReplacing = false): void {
  if (isReplacing) history.replaceState(null, '', href);
  else history.pushState(null, '', href);
  dispatchEvent(new Event(moved));
}

/** Changes parameters of the address where we are; an empty value takes one away. */
export function goQuery(changes: Record<string, string>): void {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  go(`${url.pathname}${url.search}`, true);
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(new URL(location.href)));
  useEffect(() => {
    const read = (): void => setRoute(readRoute(new URL(location.href)));
    addEventListener('popstate', read);
    addEventListener(moved, read);
    document.addEventListener('click', followLink);
    return () => {
      removeEventListener('popstate', read);
      removeEventListener(moved, read);
      document.removeEventListener('click', followLink);
    };
  }, []);
  return route;
}

/** Links within the console need no new page; everything else about a link stays the browser's. */
function followLink(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (link === null || !isPlain || event.defaultPrevented || link.origin !== location.origin) return;
  if (link.hasAttribute('download') || !link.pathname.startsWith('/console/') || link.hash !== '') return;
  event.preventDefault();
  go(`${link.pathname}${link.search}`);
}
