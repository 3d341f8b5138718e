/** What two lists do not share: from one place on, up to these in the old one and in the new one. */
export function difference<T>(old: readonly T[], now: readonly T[]): { from: number; oldTo: number; nowTo: number } {
  let [from, oldTo, nowTo] = [0, old.length, now.length];
  if (old === now) return { from: oldTo, oldTo, nowTo };
  while (from < oldTo && from < nowTo && old[from] === now[from]) from += 1;
  while (oldTo > from && nowTo > from && old[oldTo - 1] === now[nowTo - 1]) {
    oldTo -= 1;
    nowTo -= 1;
  }
  return { from, oldTo, nowTo };
}
