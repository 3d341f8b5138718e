/**
 * What crosses from the worker to the page while 600 pictures are added through `headstart.js`, by hundreds. What grows from line to
 * line is sent again with every picture. Another build than that in `dist` is measured with
 *
 *     HEADSTART_DIST=path/to/dist ./build.sh bench crossing
 */
import { expect, it } from 'vitest';
import { openApiPage } from '../browser/support/api-page.js';

const PICTURES = 600;
const PART = 100;

/** What came from workers so far. */
interface Crossed {
  messages: number;
  /** Of everything but pictures, which cross as references. */
  bytes: number;
  largest: number;
}

declare global {
  var crossed: Crossed;
}

/** Runs in the page: counts what every worker sends, as the length of its JSON. */
function installCounter(): void {
  globalThis.crossed = { messages: 0, bytes: 0, largest: 0 };
  const isReference = (value: unknown): boolean => value instanceof Blob || value instanceof ImageBitmap;
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      this.addEventListener('message', ({ data }) => {
        const bytes = JSON.stringify(data, (_, value: unknown) => (isReference(value) ? undefined : value)).length;
        crossed.messages += 1;
        crossed.bytes += bytes;
        crossed.largest = Math.max(crossed.largest, bytes);
      });
    }
  };
}

it(`the page is told this much while ${PICTURES} pictures of 10 classes are added`, async () => {
  const api = await openApiPage();
  await api.page.evaluate(installCounter);
  const { parts, kept } = await api.page.evaluate(
    async ({ pictures, part }) => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      for (let label = 0; label < 10; label++) await trainer.addClass(`class ${label}`);
      const kinds = ['circles', 'stripes', 'squares'] as const;
      const parts: Crossed[] = [];
      for (let from = 0; from < pictures; from += part) {
        Object.assign(crossed, { messages: 0, bytes: 0, largest: 0 });
        for (let i = from; i < from + part; i++) await trainer.addImage(`class ${i % 10}`, await drawing.draw(kinds[i % 3]!, i, 64));
        parts.push({ ...crossed });
      }
      const kept = trainer.classes.reduce((sum, { images }) => sum + images.length, 0);
      trainer.close();
      return { parts, kept };
    },
    { pictures: PICTURES, part: PART },
  );
  await api.close();
  const rows = parts.map(({ messages, bytes, largest }, i) => [
    `${i * PART + 1} to ${(i + 1) * PART}`,
    { messages, bytes, 'bytes a picture': Math.round(bytes / PART), 'largest message': largest },
  ]);
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  console.table(Object.fromEntries(rows));
  console.log(`${PICTURES} pictures: ${total.toLocaleString('en')} bytes in all`);
  expect(kept).toBe(PICTURES);
}, 600_000);
