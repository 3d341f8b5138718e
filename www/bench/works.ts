/** What is measured. */

export type WorkId = 'picture' | 'pictures' | 'head' | 'step';

export interface Work {
  id: WorkId;
  title: string;
  /** What that is, for those who do not know. */
  about: string;
  unit: 'ms' | 's';
  /** By what the milliseconds are divided. */
  by: number;
  /** Seconds that a measurement takes on a usual machine, and what comes before the first; for the time left until something is known. */
  usual: { each: number; before: number };
}

/** Pictures that are taken together. */
export const BATCH = 16;
/** Side of a picture that is made features of. */
export const SIDE = 224;
export const HEAD = { pictures: 600, classes: 10, epochs: 50, batchSize: BATCH } as const;
export const TAIL = { stages: 3, classes: 3, batch: BATCH } as const;

export const WORKS: readonly Work[] = [
  {
    id: 'picture',
    title: 'A picture to features',
    about: `One picture of ${SIDE} × ${SIDE} pixels, resized and run through the backbone: what each prediction costs.`,
    unit: 'ms',
    by: 1,
    usual: { each: 0.25, before: 1 },
  },
  {
    id: 'pictures',
    title: `${BATCH} pictures to features, each`,
    about: `The same for ${BATCH} pictures at a time: what adding pictures costs, without decoding files.`,
    unit: 'ms',
    by: BATCH,
    usual: { each: 0.3, before: 1 },
  },
  {
    id: 'head',
    title: 'Training a head',
    about: `${HEAD.pictures} pictures of ${HEAD.classes} classes, ${HEAD.epochs} epochs of batch ${HEAD.batchSize}, their features being there.`,
    unit: 's',
    by: 1000,
    usual: { each: 1, before: 8 },
  },
  {
    id: 'step',
    title: `A step of fine-tuning the last ${TAIL.stages} stages`,
    about: `Forward, backward and update for ${TAIL.batch} pictures, what comes before those stages being there.`,
    unit: 'ms',
    by: 1,
    usual: { each: 1.5, before: 3 },
  },
];
