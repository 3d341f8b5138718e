/** What the benchmark calls in its page, as `bench`. */
import { Features } from './features.js';
import { Heads } from './heads.js';
import * as recipes from './recipes.js';
import { FineTuning } from './steps.js';

const all = { features: new Features(), heads: new Heads(), recipes, steps: new FineTuning() };

declare global {
  var bench: typeof all;
}

globalThis.bench = all;
