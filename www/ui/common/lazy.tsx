import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** A component whose code is loaded when it is first drawn; until then its place is empty. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [missing, setMissing] = useState(false);
    const [, redraw] = useState(loaded !== null);
    useEffect(() => {
      if (loaded !== null) return;
      load().then(
        (component) => {
          loaded = component;
          redraw(true);
        },
        () => setMissing(true),
      );
    }, []);
    if (missing) return <p class="problem">This part of the page could not be loaded. Reload the page to try again.</p>;
    const Component = loaded;
    return Component && <Component {...props} />;
  };
}
