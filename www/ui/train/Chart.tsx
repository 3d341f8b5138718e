import { useEffect, useRef, useState } from 'preact/hooks';
import { usePrefersDark } from '../common/usePrefersDark.js';
import { useAppState } from '../control/useAppState.js';
import type { Plot, Series } from './plot.js';

const HEIGHT = 130;
/** Redrawn at most this often: five times a second is as live as curves need to be. */
const REDRAW_MS = 200;
const FREE: readonly [number, number] | null = null;

interface ChartProps {
  readonly title: string;
  readonly unit?: string;
  readonly range?: readonly [number, number];
  readonly series: Series;
  readonly best: number | null;
  /** The first epoch of fine-tuning. */
  readonly fineTune: number | null;
}

/** Loads the plotting code when the first curve is wanted; its place is there from the start. */
export function Chart({ title, unit = '', range, series, best, fineTune }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const [plot, setPlot] = useState<Plot | null>(null);
  const [missing, setMissing] = useState(false);
  const theme = useTheme();
  const latest = useRef({ series, best, fineTune });
  latest.current = { series, best, fineTune };
  const drawn = useRef(0);

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    let made: Plot | null = null;
    let gone = false;
    const observer = new ResizeObserver(() => made?.resize(element.clientWidth));
    void import('./plot.js').then(
      ({ createPlot }) => {
        if (gone) return;
        made = createPlot(element, element.clientWidth, { unit, range: range ?? FREE, height: HEIGHT });
        observer.observe(element);
        setPlot(made);
        setMissing(false);
      },
      // Offline, or a newer version of the site has taken the place of this one.
      () => {
        if (!gone) setMissing(true);
      },
    );
    return () => {
      gone = true;
      observer.disconnect();
      made?.destroy();
      setPlot(null);
    };
  }, [theme, unit]);

  useEffect(() => {
    if (plot === null) return undefined;
    const draw = (): void => {
      drawn.current = performance.now();
      const { series: curves, ...marks } = latest.current;
      plot.update(curves, marks);
    };
    const timer = setTimeout(draw, Math.max(0, drawn.current + REDRAW_MS - performance.now()));
    return () => clearTimeout(timer);
  }, [plot, series, best, fineTune]);

  return (
    <div class="chart">
      <p class="chart-title" aria-hidden="true">
        {title}
      </p>
      {missing && <p class="problem">This curve could not be loaded; its figures are in the table below. Reload the page to try again.</p>}
      <div ref={place} class="chart-place" hidden={missing} aria-hidden="true" />
    </div>
  );
}

/** Changes whenever the page's colours do. */
function useTheme(): string {
  const chosen = useAppState((state) => state.settings.theme);
  const dark = usePrefersDark();
  return chosen === 'auto' ? String(dark) : chosen;
}
