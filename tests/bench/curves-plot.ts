/**
 * Costs over numbers of pictures, as an SVG with logarithmic axes. The page draws its curves with uPlot, on a canvas: of that there is no SVG.
 */

/** One cost at each number of pictures. */
export interface Curve {
  name: string;
  /** `differs` says what is done there that is not done at the other points. */
  points: { pictures: number; cost: number; differs: string | null }[];
  /** What it is held against, drawn as far as it lies between the axes. */
  guides: Guide[];
}

export interface Guide {
  kind: 'dashed' | 'dotted';
  of(pictures: number): number;
}

export interface Panel {
  title: string;
  unit: string;
  /** What is to be known, a line each. */
  notes: string[];
  curves: Curve[];
}

const [WIDTH, HEIGHT] = [660, 500];
const INSIDE = { left: 66, top: 44, right: 192, bottom: 114 };
/** Of a guide. */
const POINTS = 200;
const DASHES: Readonly<Record<Guide['kind'], string>> = { dashed: '6 4', dotted: '1.5 3.5' };
/** Pixels that lie between two lines of text at least. */
const LINE = 17;
const [INK, GRID] = ['#222222', '#dddddd'];
/** Okabe and Ito's colours, which colour-blind people tell apart, of different lightness; each with a mark of its own. */
const STYLES: readonly { colour: string; mark: (x: number, y: number) => string }[] = [
  { colour: '#0072b2', mark: (x, y) => `<circle cx="${x}" cy="${y}" r="5"/>` },
  { colour: '#d55e00', mark: (x, y) => path([[x - 4.5, y - 4.5], [x + 4.5, y - 4.5], [x + 4.5, y + 4.5], [x - 4.5, y + 4.5]], true) },
  { colour: '#000000', mark: (x, y) => path([[x, y - 6], [x + 5.5, y + 4.5], [x - 5.5, y + 4.5]], true) },
  { colour: '#009e73', mark: (x, y) => path([[x, y - 6.5], [x + 6.5, y], [x, y + 6.5], [x - 6.5, y]], true) },
];

/** From a value to where it lies. */
interface Axis {
  low: number;
  high: number;
  at(value: number): number;
}

/** A logarithmic axis from one place to another. */
function axis([low, high]: readonly [number, number], from: number, to: number): Axis {
  const share = (value: number): number => Math.log(value / low) / Math.log(high / low);
  return { low, high, at: (value) => Number((from + share(value) * (to - from)).toFixed(1)) };
}

/** Round numbers, three or two a decade, and the decades alone where it has many. */
function ticks({ low, high }: Axis): number[] {
  const decades = Math.log10(high / low);
  const digits = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 5];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) all.push(...digits.map((digit) => Number(`${digit}e${power}`)));
  return all.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

function path(points: readonly (readonly [number, number])[], closed = false): string {
  if (points.length === 0) return '';
  return `<path d="M${points.map((point) => point.join(' ')).join('L')}${closed ? 'Z' : ''}"/>`;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const label = (x: number, y: number, text: string, more = ''): string => `<text x="${x}" y="${y}"${more}>${escaped(text)}</text>`;
/** White around what lies on lines. */
const HALO = ' font-size="12" stroke="#ffffff" stroke-width="4" stroke-linejoin="round" paint-order="stroke"';
const told = (value: number): string => value.toLocaleString('en', { maximumSignificantDigits: 3 });

/** Panels beside each other. */
export function drawPanels(panels: readonly Panel[]): string {
  const drawn = panels.map((panel, index) => `<g transform="translate(${index * WIDTH} 0)">${drawPanel(panel)}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${panels.length * WIDTH}" height="${HEIGHT}" viewBox="0 0 ${panels.length * WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">
<rect width="100%" height="100%" fill="#ffffff"/>
${drawn.join('\n')}
</svg>
`;
}

function drawPanel({ title, unit, notes, curves }: Panel): string {
  const points = curves.flatMap((curve) => curve.points);
  const [counts, values] = [points.map(({ pictures }) => pictures), points.map(({ cost }) => cost)];
  const [right, bottom] = [WIDTH - INSIDE.right, HEIGHT - INSIDE.bottom];
  const x = axis([Math.min(...counts) / 1.15, Math.max(...counts) * 1.15], INSIDE.left, right);
  const y = axis([Math.min(...values) / 1.5, Math.max(...values) * 1.5], bottom, INSIDE.top);
  const hollow = points.some(({ differs }) => differs !== null) ? ['hollow: worked on in another way'] : [];
  const grid = [
    ...ticks(x).map((tick) => path([[x.at(tick), INSIDE.top], [x.at(tick), bottom]])),
    ...ticks(y).map((tick) => path([[INSIDE.left, y.at(tick)], [right, y.at(tick)]])),
  ];
  const words = [
    label(INSIDE.left, 24, title, ' font-size="16" font-weight="600"'),
    ...ticks(x).map((tick) => label(x.at(tick), bottom + 19, told(tick), ' text-anchor="middle"')),
    ...ticks(y).map((tick) => label(INSIDE.left - 8, y.at(tick) + 4.5, told(tick), ' text-anchor="end"')),
    label((INSIDE.left + right) / 2, bottom + 42, 'pictures', ' text-anchor="middle"'),
    label(16, (INSIDE.top + bottom) / 2, unit, ` text-anchor="middle" transform="rotate(-90 16 ${(INSIDE.top + bottom) / 2})"`),
    ...[...notes, ...hollow].map((note, line) => label(INSIDE.left, bottom + 68 + line * LINE, note, ' font-size="12"')),
  ];
  return [
    `<g fill="none" stroke="${GRID}">${grid.join('')}</g>`,
    ...words,
    ...curves.map((curve, index) => drawCurve(curve, STYLES[index % STYLES.length]!, x, y)),
    ...points.map(({ pictures, cost, differs }) => (differs === null ? '' : label(x.at(pictures) - 9, y.at(cost) - 9, differs, ` text-anchor="end"${HALO}`))),
    ...names(curves, y).map(({ at, curve, index }) => {
      const { mark, colour } = STYLES[index % STYLES.length]!;
      return `<g fill="${colour}">${mark(right + 14, at)}</g>${label(right + 26, at + 4.5, curve.name)}`;
    }),
  ].join('\n');
}

function drawCurve({ points, guides }: Curve, { colour, mark }: (typeof STYLES)[number], x: Axis, y: Axis): string {
  const line = path(points.map(({ pictures, cost }) => [x.at(pictures), y.at(cost)]));
  const marks = points.map(({ pictures, cost, differs }) => {
    const fill = differs === null ? colour : '#ffffff';
    return `<g fill="${fill}" stroke="${colour}" stroke-width="1.5">${mark(x.at(pictures), y.at(cost))}</g>`;
  });
  const beside = guides.map(({ kind, of }) => `<g stroke-width="1.3" stroke-dasharray="${DASHES[kind]}">${path(guide(of, x, y))}</g>`);
  return `<g fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round">${beside.join('')}${line}</g>${marks.join('')}`;
}

function guide(of: Guide['of'], x: Axis, y: Axis): [number, number][] {
  const counts = Array.from({ length: POINTS + 1 }, (_, point) => x.low * (x.high / x.low) ** (point / POINTS));
  const inside = counts.filter((count) => of(count) >= y.low && of(count) <= y.high);
  return inside.map((count) => [x.at(count), y.at(of(count))]);
}

/** The names of curves beside their ends, moved apart where they would lie upon each other. */
function names(curves: readonly Curve[], y: Axis): { at: number; curve: Curve; index: number }[] {
  const all = curves.flatMap((curve, index) => (curve.points.length > 0 ? [{ at: y.at(curve.points.at(-1)!.cost), curve, index }] : []));
  all.sort((a, b) => a.at - b.at);
  for (let turn = 0; turn < all.length; turn += 1) {
    for (const [below, one] of all.entries()) {
      const above = all[below - 1];
      const lacking = above ? above.at + LINE - one.at : 0;
      if (above && lacking > 0) [above.at, one.at] = [above.at - lacking / 2, one.at + lacking / 2];
    }
  }
  return all;
}
