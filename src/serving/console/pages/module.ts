import { useEffect, useState } from 'preact/hooks';

/** What a module shows, once it is here; null until then, or while nothing is to be loaded. `load` stays the same. */
export function useModule<View>(load: (() => Promise<View>) | null): View | null {
  const [loaded, setLoaded] = useState<{ readonly View: View } | null>(null);
  useEffect(() => {
    let isWanted = true;
    load?.().then((View) => isWanted && setLoaded({ View }));
    return () => {
      isWanted = false;
    };
  }, [load]);
  return loaded?.View ?? null;
}
