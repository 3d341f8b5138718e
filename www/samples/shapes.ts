/** Paths around the origin with a radius of 1, the way a hand would vary them. */

export type Shape = 'circle' | 'triangle' | 'star';

/** Where to draw: the part of a canvas context that paths need, so that tests need no canvas. */
export type PathTarget = Pick<CanvasRenderingContext2D, 'beginPath' | 'ellipse' | 'moveTo' | 'lineTo' | 'closePath'>;

export function tracePath(target: PathTarget, shape: Shape, random: () => number): void {
  target.beginPath();
  if (shape === 'circle') {
    target.ellipse(0, 0, 1, 0.88 + 0.24 * random(), 0, 0, 2 * Math.PI);
  } else {
    for (const [x, y] of shape === 'triangle' ? triangle(random) : star(random)) target.lineTo(x, y);
  }
  target.closePath();
}

function triangle(random: () => number): [number, number][] {
  return [0, 1, 2].map((corner) => around((corner + 0.18 * (random() - 0.5)) / 3, 0.95 + 0.2 * random()));
}

function star(random: () => number): [number, number][] {
  const inner = 0.38 + 0.12 * random();
  return Array.from({ length: 10 }, (_, corner) => around(corner / 10, corner % 2 === 0 ? 1.1 : inner));
}

function around(turn: number, radius: number): [number, number] {
  const angle = 2 * Math.PI * turn - Math.PI / 2;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}
