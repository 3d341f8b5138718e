/** The wasm package that only predicts, with the types that wasm-bindgen leaves out. All of it is synchronous once `init` is done. */
declare module '*/pkg/predict/headstart.js' {
  export default function init(): Promise<unknown>;

  /** A model that is open. Its errors have a `code` and a `value`. */
  export class Predictor {
    static load(file: Uint8Array): Predictor;
    about(): { classes: string[]; inputSize: number; architecture: string };
    /** The most probable first. */
    predict(rgba: Uint8Array, width: number, height: number): { classId: number | null; className: string; probability: number }[];
    free(): void;
  }
}
