import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { short } from '../figures.js';

/** What a bar shows. */
export interface Bar {
  name: string;
  ours: boolean;
  value: number;
}

const [BAR, AXIS] = [30, 26];
const FONT = '12px system-ui, sans-serif';

export const heightOf = (count: number): number => count * BAR + AXIS;

/** Draws bars from left to right, the first on top, with the colours that the page has now. */
export function createBars(place: HTMLElement, width: number, unit: string, bars: readonly Bar[]): UPlot {
  const style = getComputedStyle(place);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const [text, line, own, other] = [colour('--text'), colour('--line'), colour('--curve-training'), colour('--edge')];
  const axis = { stroke: text, ticks: { show: false }, font: FONT };
  const colours = bars.map(({ ours }) => (ours ? own : other));
  const places = bars.map((_, i) => i);
  const values = bars.map(({ value }) => value);
  const { bars: path } = UPlot.paths;
  if (path === undefined) throw new Error('This build of uPlot draws no bars.');
  // Room for the number behind the longest.
  const largest = 1.25 * Math.max(...values);
  const names = bars.map(({ name }) => name);
  return new UPlot(
    {
      width,
      height: heightOf(bars.length),
      legend: { show: false },
      cursor: { show: false },
      padding: [0, 8, 0, 0],
      scales: {
        x: { time: false, ori: 1, dir: -1, range: [-0.5, bars.length - 0.5] },
        y: { ori: 0, dir: 1, range: [0, largest] },
      },
      axes: [
        { ...axis, side: 3, grid: { show: false }, splits: () => places, values: () => names, size: widest(names) + 12, gap: 6 },
        { ...axis, side: 2, grid: { stroke: line, width: 1 }, size: AXIS, space: 60, values: (_, ticks) => ticks.map((tick) => `${tick} ${unit}`) },
      ],
      series: [
        {},
        {
          paths: path({ size: [0.66, Infinity], disp: { fill: { unit: 3, values: () => colours }, stroke: { unit: 3, values: () => colours } } }),
          points: { show: false },
          fill: own,
        },
      ],
      hooks: { draw: [(drawn) => writeValues(drawn, values, text)] },
    },
    [places, values],
    place,
  );
}

function widest(names: readonly string[]): number {
  const context = document.createElement('canvas').getContext('2d')!;
  context.font = FONT;
  return Math.ceil(Math.max(...names.map((name) => context.measureText(name).width)));
}

function writeValues(plot: UPlot, values: readonly number[], colour: string): void {
  const { ctx } = plot;
  ctx.save();
  ctx.fillStyle = colour;
  ctx.font = FONT.replace('12px', `${12 * devicePixelRatio}px`);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  values.forEach((value, i) => ctx.fillText(short(value), plot.valToPos(value, 'y', true) + 6 * devicePixelRatio, plot.valToPos(i, 'x', true)));
  ctx.restore();
}
