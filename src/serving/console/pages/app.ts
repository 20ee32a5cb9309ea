import { html } from 'htm/preact';
import { type ComponentType, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import {
  forgetSeen,
  hasToken,
  keepToken,
  type Problem,
  pathOf,
  takeTokenFromAddress,
  useAnswer,
  useSeen,
} from './api.ts';
import { Answered, Heading, Nothing, Time } from './parts.ts';
import { go, hrefOf, type Route, useRoute } from './route.ts';
import { SignIn } from './sign-in.ts';
import { isUtc, plain, setUtc } from './words.ts';

type View = ComponentType<Route>;

/** A view is fetched when it is first looked at. */
const views: Readonly<Record<string, () => Promise<View>>> = {
  board: async () => (await import('./board.ts')).Board,
};

/** What stands in the navigation, in its order. */
const tabs = ['board'] as const;

/** Views that belong to a tab of another name. */
const tabOf: Readonly<Record<string, string>> = { flights: 'board' };

interface Organization {
  readonly organization: string;
}

function App() {
  const route = useRoute();
  const organizations = useAnswer<Organization[]>(pathOf(['organizations'], { limit: '1000' }), 10_000);
  const [, redraw] = useState(0);
  const { problem } = organizations;
  useEffect(forgetSeen, [route.org]);
  if (problem?.status === 401) return html`<main class="page">${html`<${SignIn} problem=${problem} />`}</main>`;
  const names = (organizations.answer?.data ?? []).map(({ organization }) => organization);
  return html`<a class="skip" href="#main">Skip to the content</a>
    <${Top} route=${route} names=${names} onZone=${() => redraw((times) => times + 1)} />
    <main class="page" id="main" tabindex="-1">
      ${route.org === '' ? html`<${Choose} organizations=${organizations} />` : html`<${Shown} ...${route} />`}
    </main>
    <footer class="foot"><kbd>j</kbd> <kbd>k</kbd> rows · <kbd>/</kbd> filter · <kbd>Enter</kbd> opens${
      hasToken() ? html` · <button type="button" class="link" onClick=${leave}>Forget my token</button>` : null
    }</footer>`;
}

function leave(): void {
  keepToken('');
  location.reload();
}

function Top({ route, names, onZone }: { route: Route; names: readonly string[]; onZone: () => void }) {
  const { org, view } = route;
  const seen = useSeen();
  const known = names.includes(org) || org === '' ? names : [org, ...names];
  const choose = (event: Event): void => go(hrefOf((event.target as HTMLSelectElement).value, 'board'));
  const switchZone = (): void => {
    setUtc(!isUtc());
    onZone();
  };
  return html`<header class="top">
    <a class="brand" href="/console/">Paceline</a>
    ${
      org === ''
        ? null
        : html`<select aria-label="Organization" value=${org} onChange=${choose}>${known.map(
            (name) => html`<option value=${name}>${name}</option>`,
          )}</select>
    <nav aria-label="Views">${tabs.map(
      (tab) =>
        html`<a href=${hrefOf(org, tab)} aria-current=${(tabOf[view] ?? view) === tab ? 'page' : null}>${plain(tab)}</a>`,
    )}</nav>`
    }
    <div class="clock">${seen === 0 ? null : html`<span class="pulse" aria-hidden="true"></span><span class="dim">as of</span> <${Time} at=${seen} />`}
      <button type="button" class="link" onClick=${switchZone} aria-pressed=${isUtc()}>UTC</button></div>
  </header>`;
}

interface ChooseProps {
  readonly organizations: {
    readonly answer: { readonly data: Organization[] } | null;
    readonly problem: Problem | null;
  };
}

function Choose({ organizations }: ChooseProps) {
  const only = organizations.answer?.data.length === 1 ? organizations.answer.data[0].organization : null;
  useEffect(() => {
    if (only !== null) go(hrefOf(only, 'board'), true);
  }, [only]);
  return html`<${Heading} title="Organizations" />
    <${Answered} shown=${organizations}>${(data: Organization[]) =>
      data.length === 0
        ? html`<${Nothing} title="No organization has any data yet">Send events, or watch <code>npm run demo</code>.<//>`
        : html`<ul class="choices">${data.map(
            ({ organization }) => html`<li><a href=${hrefOf(organization, 'board')}>${organization}</a></li>`,
          )}</ul>`}<//>`;
}

/** The view of the address, once its module is here. A new view begins at its top, and is read out by its heading. */
function Shown(route: Route) {
  const { org, view, args } = route;
  const [loaded, setLoaded] = useState<{ view: string; View: View } | null>(null);
  useEffect(() => {
    let isWanted = true;
    void views[view]?.().then((View) => {
      if (isWanted) setLoaded({ view, View });
    });
    return () => {
      isWanted = false;
    };
  }, [view]);
  const place = [org, view, ...args].join(' ');
  const isLoaded = loaded?.view === view;
  useEffect(() => {
    document.title = `${[...args, plain(view), org].join(' · ')} · Paceline`;
    if (!isLoaded) return;
    scrollTo(0, 0);
    document.querySelector('h1')?.focus({ preventScroll: true });
  }, [place, isLoaded]);
  if (views[view] === undefined)
    return html`<${Heading} title="No such view" /><p><a href=${hrefOf(org, 'board')}>To the board</a></p>`;
  return isLoaded ? html`<${loaded.View} key=${place} ...${route} />` : null;
}

takeTokenFromAddress();
render(html`<${App} />`, document.getElementById('app')!);
