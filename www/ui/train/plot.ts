import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** One pair of curves. */
export interface Series {
  readonly epochs: readonly number[];
  readonly training: readonly number[];
  readonly validation: readonly (number | null)[];
}

export interface PlotOptions {
  readonly unit: string;
  /** Fixed ends of the vertical axis; by default it follows the data. */
  readonly range: readonly [number, number] | null;
  readonly height: number;
}

/** Epochs that are marked. */
export interface Marks {
  readonly best: number | null;
  /** Where fine-tuning begins. */
  readonly fineTune: number | null;
}

/** A drawn chart. */
export interface Plot {
  update(series: Series, marks: Marks): void;
  resize(width: number): void;
  destroy(): void;
}

/** Draws with the colours that the page has now; after a change of theme it is drawn anew. */
export function createPlot(place: HTMLElement, width: number, options: PlotOptions): Plot {
  const colours = readColours(place);
  let marks: Marks = { best: null, fineTune: null };
  const axis = { stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  const line = { width: 2, points: { show: false }, spanGaps: true };
  const plot = new UPlot(
    {
      width,
      height: options.height,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 8, 0, 0],
      scales: { x: { time: false, range: (_, low, high) => [low, Math.max(high, low + 1)] }, y: options.range ? { range: [...options.range] } : {} },
      axes: [
        { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000], space: 40, size: 28 },
        { ...axis, size: 46, space: 28, values: (_, ticks) => ticks.map((tick) => `${tick}${options.unit}`) },
      ],
      series: [
        {},
        { ...line, stroke: colours.training },
        { ...line, stroke: colours.validation, dash: [6, 3] },
      ],
      hooks: {
        drawClear: [(drawn) => drawFineTune(drawn, marks.fineTune, colours.fineTune)],
        draw: [(drawn) => drawBest(drawn, marks.best, colours.best)],
      },
    },
    [[], [], []],
    place,
  );
  return {
    update(series, next) {
      marks = next;
      plot.setData([[...series.epochs], [...series.training], [...series.validation]]);
    },
    resize: (next) => plot.setSize({ width: next, height: options.height }),
    destroy: () => plot.destroy(),
  };
}

function readColours(place: HTMLElement) {
  const style = getComputedStyle(place);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  return {
    text: colour('--text-soft'),
    grid: colour('--line'),
    training: colour('--curve-training'),
    validation: colour('--curve-validation'),
    best: colour('--curve-best'),
    fineTune: colour('--curve-fine-tune'),
  };
}

/** A band behind the epochs of fine-tuning, which are the last ones. */
function drawFineTune(plot: UPlot, from: number | null, colour: string): void {
  const [first] = plot.data[0];
  if (from === null || first === undefined) return;
  const { ctx, bbox } = plot;
  // Between the last epoch of the head and the first of these.
  const x = from <= first ? bbox.left : Math.round(plot.valToPos(from - 0.5, 'x', true));
  ctx.save();
  ctx.fillStyle = colour;
  ctx.fillRect(x, bbox.top, bbox.left + bbox.width - x, bbox.height);
  ctx.restore();
}

/** A line through the epoch whose weights are kept. */
function drawBest(plot: UPlot, epoch: number | null, colour: string): void {
  // The model that a warm start began with has no place on the curve.
  if (epoch === null || epoch < (plot.data[0][0] ?? Infinity)) return;
  const x = Math.round(plot.valToPos(epoch, 'x', true));
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2 * devicePixelRatio;
  // The curve that was drawn before may have left its dashes.
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
