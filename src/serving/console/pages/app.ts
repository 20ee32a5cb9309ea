import { html } from 'htm/preact';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { forgetSeen, hasToken, keepToken, pathOf, takeTokenFromAddress, useAnswer, useSeen } from './api.ts';
import { type Load, useModule } from './module.ts';
import { Heading, Time } from './parts.ts';
import { go, hrefOf, type Route, useRoute } from './route.ts';
import { isUtc, plain, setUtc } from './words.ts';

const signIn: Load = async () => (await import('./sign-in.ts')).SignIn;
const choose: Load = async () => (await import('./choose.ts')).Choose;

/** A view is fetched when it is first looked at. */
const views: Readonly<Record<string, Load>> = {
  board: async () => (await import('./board.ts')).Board,
  flights: async () => (await import('./flight.ts')).Flight,
  orders: async () => (await import('./orders.ts')).Orders,
  order: async () => (await import('./order.ts')).Order,
  sources: async () => (await import('./sources.ts')).Sources,
  engine: async () => (await import('./engine.ts')).EngineView,
  alerts: async () => (await import('./alerts.ts')).Alerts,
  records: async () => (await import('./records.ts')).Records,
  rules: async () => (await import('./rules.ts')).Rules,
  rule: async () => (await import('./rule.ts')).RuleView,
  record: async () => (await import('./record.ts')).RecordView,
  'why-not': async () => (await import('./why-not.ts')).WhyNotView,
  receipt: async () => (await import('./receipt.ts')).ReceiptView,
};

/** What stands in the navigation, in its order. */
const tabs = ['board', 'orders', 'alerts', 'sources', 'records', 'rules', 'engine'] as const;

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
  if (problem?.status === 401)
    return html`<main class="page"><${Later} load=${signIn} place="sign-in" problem=${problem} /></main>`;
  const names = (organizations.answer?.data ?? []).map(({ organization }) => organization);
  return html`<a class="skip" href="#main">Skip to the content</a>
    <${Top} route=${route} names=${names} onZone=${() => redraw((times) => times + 1)} />
    <main class="page" id="main" tabindex="-1">
      ${route.org === '' ? html`<${Later} load=${choose} place="choose" organizations=${organizations} />` : html`<${Shown} ...${route} />`}
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
  // Every view has the clock of the whole organization, also one that shows something old.
  useAnswer(org === '' ? null : pathOf(['organizations', org, 'flight-summaries']), 4_000);
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

const oneOf: Readonly<Record<string, string>> = { orders: 'order', records: 'record', rules: 'rule' };

/** One alert is looked at by its receipt, one record, rule or order by itself. */
function viewOf({ view, args: [first] }: Route): string {
  if (first === undefined) return view;
  if (view === 'alerts') return first === 'why-not' ? first : 'receipt';
  return oneOf[view] ?? view;
}

function Shown(route: Route) {
  const { org, args } = route;
  const view = viewOf(route);
  useEffect(() => {
    document.title = `${[...args, plain(view), org].join(' · ')} · Paceline`;
  }, [org, view, args.join(' ')]);
  if (!Object.hasOwn(views, view))
    return html`<${Heading} title="No such view" /><p><a href=${hrefOf(org, 'board')}>To the board</a></p>`;
  return html`<${Later} load=${views[view]} place=${[org, view, ...args].join(' ')} ...${route} />`;
}

/** What a module shows, once it is here. A new place begins at its top, and is read out by its heading. */
function Later({ load, place, ...rest }: { load: Load; place: string }) {
  const View = useModule(load);
  const isLoaded = View !== null;
  useEffect(() => {
    if (!isLoaded) return;
    scrollTo(0, 0);
    document.querySelector('h1')?.focus({ preventScroll: true });
  }, [place, isLoaded]);
  return isLoaded ? html`<${View} key=${place} ...${rest} />` : null;
}

takeTokenFromAddress();
render(html`<${App} />`, document.getElementById('app')!);
