import { html } from 'htm/preact';
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Heading } from './parts.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a view is given stands where it is shown.
type View = ComponentType<any>;
export type Load = () => Promise<View>;

/** What a module shows, once it is here; null until then, or while nothing is to be loaded. */
export function useModule(load: Load | null): View | null {
  const [loaded, setLoaded] = useState<{ readonly load: Load; readonly View: View } | null>(null);
  useEffect(() => {
    let isWanted = true;
    load?.().then(
      (View) => isWanted && setLoaded({ load, View }),
      // Another release took the place of the one that this page came from.
      () => isWanted && setLoaded({ load, View: Outdated }),
    );
    return () => {
      isWanted = false;
    };
  }, [load]);
  return loaded !== null && loaded.load === load ? loaded.View : null;
}

function Outdated() {
  const again = (): void => location.reload();
  return html`<${Heading} title="This page is of another release" />
    <p>The server was changed since it was loaded, or cannot be reached. <button type="button" class="button" onClick=${again}>Load it again</button></p>`;
}
