/** What a row of measurements comes to. */
export interface Spread {
  median: number;
  quartiles: [number, number];
  /** The least, which other work on the machine touches last. */
  least: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)], least: sorted[0]! };
}

/** Between the two neighbours where it falls between. */
function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return below + (above - below) * (place - Math.floor(place));
}

/** Three digits that count. */
export function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export function shown({ median, quartiles: [low, high] }: Spread): string {
  return low === high ? short(median) : `${short(median)} (${short(low)}–${short(high)})`;
}
