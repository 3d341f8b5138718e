/** onnxruntime-web: it fuses convolutions with what follows them itself. */
import type * as Ort from 'onnxruntime-web';
import { fetchNetwork, Normaliser, type Open } from './extractor.js';

/** Of one of its bundles, with the address of that one's wasm file and what it shall compute on. */
export const openerOf = (ort: typeof Ort, wasm: string, provider: 'wasm' | 'webgpu'): Open => async (folder, batch) => {
  ort.env.wasm.wasmPaths = { wasm: new URL(wasm, location.href).href };
  ort.env.wasm.numThreads = 1;
  const network = await fetchNetwork(folder);
  const normaliser = new Normaliser(network, 'first');
  const open = (count: number): Promise<Ort.InferenceSession> =>
    ort.InferenceSession.create(`${folder}batch-${count}.onnx`, {
      executionProviders: [provider],
      graphOptimizationLevel: 'all',
      // Weights that come as int8 are made floats once and not at every run.
      extra: { session: { disable_quant_qdq: '1' } },
    });
  const one = await open(1);
  let several: Promise<Ort.InferenceSession> | undefined;

  const run = async (session: Ort.InferenceSession, input: Float32Array): Promise<Float32Array> => {
    const { size } = network;
    const tensor = new ort.Tensor('float32', input, [input.length / (3 * size ** 2), 3, size, size]);
    const { features } = await session.run({ input: tensor });
    return features!.data as Float32Array;
  };

  return {
    picture: (picture) => run(one, normaliser.pictures([picture])),
    async pictures(pictures) {
      several ??= open(batch);
      return run(await several, normaliser.pictures(pictures));
    },
    prepare: (picture) => normaliser.pixels(picture),
    prepared: (prepared) => run(one, prepared as Float32Array),
    close() {
      void one.release();
      void several?.then((opened) => opened.release());
    },
  };
};
