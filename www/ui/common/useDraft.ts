import { useState } from 'preact/hooks';

/**
 * What stands in a field over the value that it changes, until it is kept or dropped (null); where the value changes meanwhile, that stands
 * there. Worked out while drawing: an effect would come a frame later, and take away what was typed in between.
 */
export function useDraft(value: string): [typed: string, setDraft: (typed: string | null) => void] {
  const [draft, setDraft] = useState<{ over: string; typed: string } | null>(null);
  return [draft?.over === value ? draft.typed : value, (typed) => setDraft(typed === null ? null : { over: value, typed })];
}
