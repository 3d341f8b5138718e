import type { EngineKind, Trainer } from '../headstart.js';
import type { Contender, Measure, Opened } from './contender.js';
import type { Materials } from './materials.js';
import { HEAD, TAIL } from './works.js';

const ENGINES: Readonly<Record<EngineKind, string>> = { cpu: 'CPU', webgpu: 'WebGPU' };

/** How an engine is called beside a library's name. */
export const nameOf = (library: string, engine: EngineKind): string => `${library}, ${ENGINES[engine]}`;

/** The milliseconds that something takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Headstart as any page has it: in its worker, through the site's own module. */
export function ours(engine: EngineKind, materials: Materials): Contender {
  const open = async (ready: (trainer: Trainer) => Promise<Measure>): Promise<Opened> => {
    const trainer = await materials.site.Trainer.create({ engine });
    try {
      const measure = await ready(trainer);
      const close = (): void => trainer.close();
      return { measure: () => stillOn(engine, trainer, measure), close };
    } catch (error) {
      trainer.close();
      throw error;
    }
  };
  return {
    name: nameOf('Headstart', engine),
    ours: true,
    engine,
    works: {
      picture: () =>
        open(async (trainer) => {
          await materials.check(await trainer.embed(materials.pictures[0]!));
          return () => timed(() => trainer.embed(materials.pictures[0]!));
        }),
      pictures: () => open(async (trainer) => () => timed(() => Promise.all(materials.pictures.map((picture) => trainer.embed(picture))))),
      head: () => open((trainer) => readyHead(trainer, materials)),
      step: () => open((trainer) => readySteps(trainer, materials)),
    },
  };
}

/** A GPU that goes away is made up for by the CPU, whose time is not what was asked for. */
async function stillOn(engine: EngineKind, trainer: Trainer, measure: Measure): Promise<number> {
  const ms = await measure();
  if (trainer.engine.kind !== engine) throw new Error(trainer.engine.reason);
  return ms;
}

async function readyHead(trainer: Trainer, materials: Materials): Promise<Measure> {
  const { classes, epochs, batchSize } = HEAD;
  const learned = await materials.learned();
  for (let label = 0; label < classes; label += 1) await trainer.addClass(`class ${label}`);
  await Promise.all(learned.map(({ picture, label, features }) => trainer.addImage(`class ${label}`, picture, { features })));
  return () =>
    timed(async () => {
      const report = await trainer.train({ epochs, batchSize, optimizer: 'adam' }).report;
      if (report.epochsRun !== epochs) throw new Error(`${report.epochsRun} epochs were trained instead of ${epochs}.`);
    });
}

/** Its own figure of how fast it goes: what a run begins with is no part of a step. */
async function readySteps(trainer: Trainer, materials: Materials): Promise<Measure> {
  const { stages, classes, batch } = TAIL;
  for (let label = 0; label < classes; label += 1) await trainer.addClass(`class ${label}`);
  for (const { picture, label } of materials.tail) await trainer.addImage(`class ${label}`, picture);
  return async () => {
    let speed = NaN;
    for await (const event of trainer.train({ fineTune: `last:${stages}`, epochs: 1, fineTuneEpochs: 2, batchSize: batch, validation: 0 })) {
      if (event.phase === 'fine-tune') speed = event.imagesPerSecond;
    }
    return (batch * 1000) / speed;
  };
}
