import { useMemo, useRef, useState } from 'preact/hooks';
import type { Key } from '../../state/types.js';

const NONE: ReadonlySet<Key> = new Set();

/** Which pictures of a list are selected; those that leave the list leave the selection. */
export function useSelection(keys: readonly Key[]) {
  const [chosen, setChosen] = useState(NONE);
  const anchor = useRef<Key | null>(null);
  const selected = useMemo(() => {
    if (chosen.size === 0) return NONE;
    const left = keys.filter((key) => chosen.has(key));
    return left.length === 0 ? NONE : new Set(left);
  }, [chosen, keys]);
  return {
    selected,
    clear: () => setChosen(NONE),
    all: () => setChosen(new Set(keys)),
    /** Selects or deselects one; extending selects everything from the one before to this one. */
    toggle(index: number, extend: boolean) {
      const key = keys[index];
      if (key === undefined) return;
      const next = new Set(selected);
      const from = extend && anchor.current !== null ? keys.indexOf(anchor.current) : -1;
      if (from >= 0) for (const each of keys.slice(Math.min(from, index), Math.max(from, index) + 1)) next.add(each);
      else if (!next.delete(key)) next.add(key);
      anchor.current = key;
      setChosen(next);
    },
  };
}
