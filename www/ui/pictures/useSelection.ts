import { useMemo, useRef, useState } from 'preact/hooks';
import type { Key, PictureState } from '../../state/types.js';

const NONE: ReadonlySet<Key> = new Set();

/** Which pictures of a list are selected, told by their places with the newest first; those that leave the list leave the selection. */
export function useSelection(pictures: readonly PictureState[]) {
  const [chosen, setChosen] = useState(NONE);
  const anchor = useRef<Key | null>(null);
  const selected = useMemo(() => {
    if (chosen.size === 0) return NONE;
    const left = pictures.flatMap(({ key }) => (chosen.has(key) ? [key] : []));
    return left.length === 0 ? NONE : new Set(left);
  }, [chosen, pictures]);
  return {
    selected,
    clear: () => setChosen(NONE),
    all: () => setChosen(new Set(pictures.map(({ key }) => key))),
    /** Selects or deselects one; extending selects everything from the one before to this one. */
    toggle(index: number, extend: boolean) {
      const at = pictures.length - 1 - index;
      const key = pictures[at]?.key;
      if (key === undefined) return;
      const next = new Set(selected);
      const from = extend ? pictures.findIndex((each) => each.key === anchor.current) : -1;
      if (from >= 0) for (const each of pictures.slice(Math.min(from, at), Math.max(from, at) + 1)) next.add(each.key);
      else if (!next.delete(key)) next.add(key);
      anchor.current = key;
      setChosen(next);
    },
  };
}
