/** What the benchmark calls in its page, as `bench`. */
import { Features } from './features.js';
import { Heads } from './heads.js';
import { Recipes } from './recipes.js';
import { FineTuning } from './steps.js';

const all = { features: new Features(), heads: new Heads(), recipes: new Recipes(), steps: new FineTuning() };

declare global {
  var bench: typeof all;
}

globalThis.bench = all;
