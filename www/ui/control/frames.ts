/** Calls back once before the next frame, however often it is asked; a hidden tab has no frames, so a timer stands in. */
export function oncePerFrame(work: () => void): () => void {
  let asked = false;
  const run = (): void => {
    asked = false;
    work();
  };
  return () => {
    if (asked) return;
    asked = true;
    if (document.hidden) setTimeout(run, 50);
    else requestAnimationFrame(run);
  };
}

/** The same, and no more often than once in so many milliseconds; at the next frame where it was not asked for a while. */
export function atMostEvery(milliseconds: number, work: () => void): () => void {
  let asked = false;
  let latest = -Infinity;
  const soon = oncePerFrame(() => {
    asked = false;
    latest = performance.now();
    work();
  });
  return () => {
    if (asked) return;
    asked = true;
    const wait = latest + milliseconds - performance.now();
    if (wait > 0) setTimeout(soon, wait);
    else soon();
  };
}
