import { describe, expect, it } from 'vitest';
import { count, duration, percent, timeLeft, unreadable } from '../../www/state/words.js';
import { readSettings, FIRST_SETTINGS } from '../../www/storage/settings.js';
import { GAP, inView, layOut, neighbour, position } from '../../www/ui/pictures/layout.js';
import { seeded } from '../../www/samples/random.js';
import { tracePath } from '../../www/samples/shapes.js';

describe('words', () => {
  it('round shares without claiming certainty', () => {
    expect([0, 0.0001, 0.004, 0.5, 0.996, 0.9999, 1].map(percent)).toEqual(['0%', '0%', '<1%', '50%', '99%', '99%', '100%']);
  });

  it('tell the time that is left', () => {
    expect([0.2, 11.2, 61, 7300].map(timeLeft)).toEqual([
      'less than a second left',
      'about 12 s left',
      'about 2 min left',
      'about 2.0 h left',
    ]);
    expect([Number.NaN, Infinity, -1].map(timeLeft)).toEqual(['', '', '']);
    expect([0.62, 75, 600].map(duration)).toEqual(['0.6 s', '75 s', '10 min']);
    expect([count(1, 'picture'), count(1500, 'picture')]).toEqual(['1 picture', '1,500 pictures']);
  });

  it('sum up files that could not be read', () => {
    expect(unreadable(['a.jpg', 'b.jpg'], 30)).toBe('2 of 30 files could not be read: a.jpg, b.jpg');
    expect(unreadable(['a.jpg'], 1)).toBe('a.jpg could not be read as a picture.');
    expect(unreadable(['1', '2', '3', '4', '5', '6', '7'], 8)).toBe('7 of 8 files could not be read: 1, 2, 3, 4, 5 and 2 more');
  });
});

describe('remembered settings', () => {
  it('come back as they were', () => {
    const settings = { theme: 'dark', engine: 'cpu', overrides: { epochs: '5' }, advancedOpen: true, cameraId: 'x', backbone: 'resnet50' } as const;
    expect(readSettings(JSON.stringify(settings))).toEqual(settings);
  });

  it.each([null, '', 'null', '[]', '{', '7', '{"theme":"pink","engine":1,"overrides":[],"advancedOpen":"yes","cameraId":{},"backbone":1}'])(
    'fall back to the first ones where they are broken: %s',
    (text) => expect(readSettings(text)).toEqual(FIRST_SETTINGS),
  );

  it('drop what no field can show', () => {
    expect(readSettings('{"overrides":{"epochs":5,"seed":"7","flip":null}}').overrides).toEqual({ seed: '7' });
  });
});

describe('the grid of pictures', () => {
  const layout = layOut(400, 1500);

  it('fills its width and is as high as all rows', () => {
    expect(layout.columns * (layout.tile + GAP) - GAP).toBeCloseTo(400);
    expect(layout.height).toBeCloseTo(Math.ceil(1500 / layout.columns) * (layout.tile + GAP) - GAP);
    expect(layOut(400, 0).height).toBe(0);
  });

  it('draws what is in view and little more, wherever it is scrolled', () => {
    for (const scroll of [0, 333, 5000, layout.height - 218, layout.height]) {
      const { from, to } = inView(layout, 1500, scroll, 218);
      for (let index = 0; index < 1500; index += 1) {
        const { top } = position(layout, index);
        const visible = top < scroll + 218 && top + layout.tile > scroll;
        if (visible) expect(index >= from && index < to, `tile ${index} at ${scroll}`).toBe(true);
      }
      expect(to - from).toBeLessThanOrEqual(9 * layout.columns);
    }
  });

  it('is walked with the arrow keys, and left at no edge', () => {
    expect(neighbour(0, 'ArrowRight', 5, 12)).toBe(1);
    expect(neighbour(0, 'ArrowUp', 5, 12)).toBe(0);
    expect(neighbour(8, 'ArrowDown', 5, 12)).toBe(11);
    expect(neighbour(3, 'End', 5, 12)).toBe(11);
    expect(neighbour(3, 'Home', 5, 12)).toBe(0);
    expect(neighbour(3, 'x', 5, 12)).toBeNull();
  });
});

describe('sample shapes', () => {
  it('are the same on every visit and differ from seed to seed', () => {
    const first = seeded(7);
    const again = seeded(7);
    const other = seeded(8);
    const numbers = Array.from({ length: 5 }, first);
    expect(Array.from({ length: 5 }, again)).toEqual(numbers);
    expect(Array.from({ length: 5 }, other)).not.toEqual(numbers);
    for (const number of numbers) expect(number >= 0 && number < 1).toBe(true);
  });

  it('have as many corners as their names say', () => {
    const corners = (shape: 'triangle' | 'star'): number => {
      let lines = 0;
      const nothing = (): void => undefined;
      tracePath({ beginPath: nothing, ellipse: nothing, moveTo: nothing, closePath: nothing, lineTo: () => void (lines += 1) }, shape, seeded(1));
      return lines;
    };
    expect([corners('triangle'), corners('star')]).toEqual([3, 10]);
  });
});
