import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type World } from '../../../www/tools/backbone/command.js';
import type { Surroundings } from '../../../www/tools/backbone/download.js';
import { Problem } from '../../../www/tools/backbone/problem.js';
import type { Program } from '../../../www/tools/backbone/program.js';

/** The command in a folder of its own, with a disk and a clock that tests have a say in. */
export class Command {
  readonly said: string[] = [];
  /** Waits between tries, in milliseconds; nobody waits. */
  readonly waits: number[] = [];
  /** Of the downloads, as they were shown. */
  readonly progress: [file: string, done: number, total: number | null][] = [];
  /** What the program was asked to convert. */
  readonly converted: [from: string, format: string][] = [];
  /** Set, the program refuses with it. */
  refusal: string | null = null;
  room = 1e12;
  signal: AbortSignal | undefined;
  env: World['env'];

  private constructor(
    readonly folder: string,
    endpoint: string,
  ) {
    this.env = { HF_ENDPOINT: endpoint, XDG_CACHE_HOME: join(folder, 'cache') };
  }

  static async open(endpoint: string): Promise<Command> {
    return new Command(await mkdtemp(join(tmpdir(), 'headstart-hub-')), endpoint);
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  /** Where backbones go. */
  get into(): string {
    return join(this.folder, 'www/public/backbones');
  }

  /** Where the downloads of a repository are kept. */
  cached(repository: string, commit: string): string {
    return join(this.folder, 'cache/headstart/hub', repository.replace('/', '--'), commit);
  }

  run(...args: string[]): Promise<string> {
    const { env, signal, folder } = this;
    return run(args, { env, signal, cwd: folder, root: folder, around: this.#around(), program: this.#program(), isBuilt: true });
  }

  /** What the command complains of, or `nothing`. */
  async problem(...args: string[]): Promise<string> {
    try {
      await this.run(...args);
      return 'nothing';
    } catch (error) {
      if (error instanceof Problem) return error.message;
      throw error;
    }
  }

  #around(): Surroundings {
    return {
      say: (line) => void this.said.push(line),
      progress: (...at) => void this.progress.push(at),
      wait: async (milliseconds) => void this.waits.push(milliseconds),
      room: async () => this.room,
      silence: 300,
    };
  }

  /** Copies in place of converting. */
  #program(): Program {
    return {
      convert: async (from, format, out) => {
        this.converted.push([from, format]);
        await cp(from, out, { recursive: true });
        if (this.refusal !== null) throw new Problem(this.refusal);
        return ['it was only copied'];
      },
      inspect: async () => ({ architecture: 'mobilenetv2_100', label: 'MobileNetV2 1.0', inputSize: 224, features: 1280, parameters: 2223872 }),
    };
  }
}
