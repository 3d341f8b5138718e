/** Which tiles of a grid are in view: pure arithmetic, so that 1,500 pictures cost as much as the dozen that show. */

export interface GridLayout {
  readonly columns: number;
  readonly tile: number;
  readonly height: number;
}

export const GAP = 6;
const SMALLEST_TILE = 64;
/** Rows beyond the edge, so that scrolling does not uncover empty places. */
const SPARE_ROWS = 2;

export function layOut(width: number, count: number): GridLayout {
  const columns = Math.max(1, Math.floor((width + GAP) / (SMALLEST_TILE + GAP)));
  const tile = Math.max(1, (width - GAP * (columns - 1)) / columns);
  const rows = Math.ceil(count / columns);
  return { columns, tile, height: Math.max(0, rows * (tile + GAP) - GAP) };
}

/** The first tile to draw and the one after the last. */
export function inView(layout: GridLayout, count: number, scroll: number, viewHeight: number): { from: number; to: number } {
  const pitch = layout.tile + GAP;
  const firstRow = Math.max(0, Math.floor(scroll / pitch) - SPARE_ROWS);
  const lastRow = Math.ceil((scroll + viewHeight) / pitch) + SPARE_ROWS;
  return { from: Math.min(count, firstRow * layout.columns), to: Math.min(count, lastRow * layout.columns) };
}

/** The places in view and that of the active tile, which assistive technology is told of and so has to be there, in their order. */
export function drawnTiles({ from, to }: { from: number; to: number }, active: number): number[] {
  const places = Array.from({ length: to - from }, (_, offset) => from + offset);
  if (active >= to) places.push(active);
  else if (active < from) places.unshift(active);
  return places;
}

export function position(layout: GridLayout, index: number): { left: number; top: number } {
  const pitch = layout.tile + GAP;
  return { left: (index % layout.columns) * pitch, top: Math.floor(index / layout.columns) * pitch };
}

/** Where an arrow key leads. */
export function neighbour(index: number, key: string, columns: number, count: number): number | null {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  const step = steps[key];
  return step === undefined ? null : Math.min(count - 1, Math.max(0, index + step));
}
