import { useEffect, useRef, useState } from 'preact/hooks';
import { usePrefersDark } from '../../ui/common/usePrefersDark.js';
import { short } from '../figures.js';
import { createBars, heightOf, type Bar } from './bars.js';

interface BarChartProps {
  title: string;
  unit: string;
  bars: readonly Bar[];
}

/** Bars side by side, the shortest on top; what they show is also its description. */
export function BarChart({ title, unit, bars }: BarChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const dark = usePrefersDark();
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (place.current === null || width === 0) return undefined;
    const chart = createBars(place.current, width, unit, bars);
    return () => chart.destroy();
  }, [dark, width, unit, bars]);
  const described = bars.map(({ name, value }) => `${name} ${short(value)} ${unit}`).join('; ');
  return <div ref={place} class="bars" role="img" aria-label={`${title}: ${described}`} style={{ height: `${heightOf(bars.length)}px` }} />;
}
