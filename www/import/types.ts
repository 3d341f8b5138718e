/** What readers of foreign files hand to each other. */

/** A file that was given: on the disk or in a zip. Nothing of it is read before it is asked for. */
export interface Given {
  readonly name: string;
  /** Names of the folders that it lies in, the outermost first; a zip counts as a folder. */
  readonly folders: readonly string[];
  /** In bytes, unpacked. */
  readonly size: number;
  /** The checksum of its bytes, where somebody has noted it: equal files have the same. */
  readonly checksum?: number;
  /** The class that it belongs to, where something other than its folder says so. */
  readonly label?: string;
  /** Files that must not be divided between learning and measuring share it. */
  readonly group?: string;
  /** Its first bytes, so many or fewer. */
  head(bytes: number): Promise<Uint8Array>;
  /** All of it. Rejects with an {@link ImportRefusal} where it cannot be unpacked. */
  read(): Promise<Blob>;
}

/** A file that will not be imported, and why, as words that follow its name. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

/** A picture that can be imported. */
export interface PlannedItem {
  readonly name: string;
  /** With its folders. */
  readonly path: string;
  readonly size: number;
  readonly group?: string;
  /** Null where no other picture has the same bytes. */
  readonly equal: Equal | null;
  read(): Promise<Blob>;
}

/** That a picture is there more than once. */
export interface Equal {
  /** SHA-256 of the bytes: what has the same is equal. */
  readonly hash: string;
  /** One of them is in the project already. */
  readonly present: boolean;
}

/** Pictures for a class of this name. */
export interface PlannedClass {
  readonly name: string;
  readonly items: readonly PlannedItem[];
}

/** Pictures that are for testing, by the folder that says so. */
export interface PlannedTests {
  readonly folder: string;
  readonly classes: readonly PlannedClass[];
}

/** Everything that an import would do, before anything is done. */
export interface ImportPlan {
  readonly classes: readonly PlannedClass[];
  readonly tests: readonly PlannedTests[];
  readonly leftOut: readonly LeftOut[];
  /** What a list of labels has to say for itself, in sentences. */
  readonly remarks: readonly string[];
}

/** A picture of the project, as far as equal ones are looked for. */
export interface PresentPicture {
  readonly size: number;
  read(): Promise<Blob>;
}

/** How far a long task has come. */
export type OnProgress = (done: number, total: number) => void;
