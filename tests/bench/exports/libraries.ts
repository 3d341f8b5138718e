/** The libraries that read exported models in a browser, each in a page of its own, since there is one `tf` to a page. */
import type { Browser, Page } from 'playwright-core';

/** An answer for each picture: the probability of each class, in the order of `classes`. */
export interface Answers {
  classes: readonly string[];
  probabilities: readonly (readonly number[])[];
}

export interface Question {
  /** The addresses of the unpacked export's folder, with a slash at the end, and of the pictures. */
  folder: string;
  pictures: readonly string[];
  /** In the order of the model's answers, for a library that does not tell it. */
  classes: readonly string[];
}

export interface Library {
  name: string;
  /** What has to be there, below the served folder. */
  scripts: readonly string[];
  /** Once in the page, before the first question; throws where it does not run here. */
  prepare?: (base: string) => Promise<void>;
  answer: (question: Question) => Promise<Answers>;
}

// Of several versions, and loaded by the pages themselves: there is nothing to take types from.
declare const tf: any;
declare const ort: any;
declare const tmImage: any;
declare const ml5: any;
declare const picture: (address: string) => Promise<HTMLImageElement>;

const MODULES = 'modules/';
const TFJS = `${MODULES}@tensorflow/tfjs/dist/tf.min.js`;
const TFJS_WASM = `${MODULES}@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js`;
const TFJS_1 = `${MODULES}tfjs-1/dist/tf.min.js`;
const TEACHABLE_MACHINE = 'packages/@teachablemachine/image/dist/teachablemachine-image.min.js';
/** What a page asks the network for, and what it gets from the packages. */
export const CDN = {
  'https://cdn.jsdelivr.net/npm/@tensorflow/tfjs@1.3.1/dist/tf.min.js': TFJS_1,
  'https://cdn.jsdelivr.net/npm/@teachablemachine/image@0.8.5/dist/teachablemachine-image.min.js': TEACHABLE_MACHINE,
} as const;
/** That runtime's module under a name that any host calls JavaScript. */
export const ORT_MODULE = { at: 'ort-threaded.js', file: 'onnxruntime-web/dist/ort-wasm-simd-threaded.mjs' };

async function askGraph({ folder, pictures, classes }: Question): Promise<Answers> {
  const model = await tf.loadGraphModel(`${folder}model.json`);
  const probabilities: number[][] = [];
  for (const address of pictures) {
    const image = await picture(address);
    const found = tf.tidy(() => model.predict(tf.browser.fromPixels(image).expandDims()));
    probabilities.push([...(await found.data())]);
    found.dispose();
  }
  model.dispose();
  return { classes, probabilities };
}

async function askTeachableMachine({ folder, pictures }: Question): Promise<Answers> {
  const model = await tmImage.load(`${folder}model.json`, `${folder}metadata.json`);
  const probabilities: number[][] = [];
  for (const address of pictures) {
    const found: { probability: number }[] = await model.predict(await picture(address));
    probabilities.push(found.map(({ probability }) => probability));
  }
  // Its own dispose() fails for a model that was loaded, not trained.
  model.model.dispose();
  return { classes: model.getClassLabels(), probabilities };
}

async function askMl5({ folder, pictures, classes }: Question): Promise<Answers> {
  const classifier = ml5.imageClassifier(`${folder}model.json`);
  await classifier.ready;
  const probabilities: number[][] = [];
  for (const address of pictures) {
    const found: { label: string; confidence: number }[] = await classifier.classify(await picture(address), classes.length);
    const shares = new Map(found.map(({ label, confidence }) => [label, confidence]));
    probabilities.push(classes.map((name) => shares.get(name) ?? NaN));
  }
  return { classes, probabilities };
}

async function askOnnx({ folder, pictures, classes }: Question): Promise<Answers> {
  const session = await ort.InferenceSession.create(`${folder}model.onnx`, { executionProviders: ['wasm'] });
  const probabilities: number[][] = [];
  for (const address of pictures) {
    const bitmap = await createImageBitmap(await (await fetch(address)).blob(), { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const rgb = new Uint8Array(width * height * 3);
    for (let at = 0; at < width * height; at += 1) for (let channel = 0; channel < 3; channel += 1) rgb[at * 3 + channel] = data[at * 4 + channel]!;
    const found = await session.run({ picture: new ort.Tensor('uint8', rgb, [1, height, width, 3]) });
    const shares: number[] = [...found.probabilities.data];
    if (found.label.data[0] !== classes[shares.indexOf(Math.max(...shares))]) throw new Error(`the label is ${found.label.data[0]}`);
    probabilities.push(shares);
  }
  await session.release();
  return { classes, probabilities };
}

const useCpu = async (): Promise<void> => {
  if (!(await tf.setBackend('cpu'))) throw new Error('there is no such backend here');
  await tf.ready();
};
const useWebgl = async (): Promise<void> => {
  if (!(await tf.setBackend('webgl'))) throw new Error('there is no such backend here');
  await tf.ready();
};
const useWasm = async (base: string): Promise<void> => {
  tf.wasm.setWasmPaths(`${base}modules/@tensorflow/tfjs-backend-wasm/dist/`);
  if (!(await tf.setBackend('wasm'))) throw new Error('there is no such backend here');
  await tf.ready();
};

export const ONNX: readonly Library[] = [
  {
    name: 'onnxruntime-web 1.30',
    scripts: [`${MODULES}onnxruntime-web/dist/ort.wasm.min.js`],
    prepare: async (base) => {
      ort.env.wasm.numThreads = 1;
      ort.env.wasm.wasmPaths = { mjs: `${base}ort-threaded.js`, wasm: `${base}modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm` };
    },
    answer: askOnnx,
  },
];
export const GRAPH: readonly Library[] = [
  { name: 'tfjs 4.22, wasm', scripts: [TFJS, TFJS_WASM], prepare: useWasm, answer: askGraph },
  { name: 'tfjs 4.22, webgl', scripts: [TFJS], prepare: useWebgl, answer: askGraph },
  { name: 'tfjs 4.22, cpu', scripts: [TFJS], prepare: useCpu, answer: askGraph },
];
/** The backend that computes is the one that each takes by itself. */
export const LAYERS: readonly Library[] = [
  { name: '@teachablemachine/image 0.8.5, tfjs 1.3.1', scripts: [TFJS_1, TEACHABLE_MACHINE], answer: askTeachableMachine },
  { name: '@teachablemachine/image 0.8.5, tfjs 4.22', scripts: [TFJS, TEACHABLE_MACHINE], answer: askTeachableMachine },
  { name: 'ml5 1.0.1', scripts: ['packages/ml5/dist/ml5.min.js'], answer: askMl5 },
];

/** Pages with a library each, opened when first asked. */
export class Libraries {
  readonly #pages = new Map<Library, Promise<Page>>();

  constructor(
    readonly browser: Browser,
    /** Where the packages and the exports are served, with a slash at the end. */
    readonly base: string,
  ) {}

  async ask(library: Library, question: Question): Promise<Answers> {
    let opened = this.#pages.get(library);
    if (opened === undefined) {
      opened = this.#open(library);
      this.#pages.set(library, opened);
    }
    return (await opened).evaluate(library.answer, question);
  }

  async #open({ scripts, prepare }: Library): Promise<Page> {
    const page = await this.browser.newPage();
    // A library may complain there and answer all the same.
    page.on('console', (message) => message.type() === 'error' && console.warn(message.text()));
    await page.goto(`${this.base}blank.html`);
    await page.evaluate(() => {
      Object.assign(globalThis, {
        picture: async (address: string) => {
          const image = new Image();
          image.src = address;
          await image.decode();
          return image;
        },
      });
    });
    for (const script of scripts) await page.addScriptTag({ url: this.base + script });
    if (prepare) await page.evaluate(prepare, this.base);
    return page;
  }
}
