/** Everything that the page shows, as plain data. Files and the trainer itself live in `ui/control`. */
import type {
  BackboneReport,
  EngineChoice,
  EngineReport,
  Estimate,
  ModelClass,
  Phase,
  Prediction,
  Readiness,
  SettingRules,
  TrainConfig,
  TrainEvent,
  TrainReport,
  Warning,
} from '../generated/types.js';
import type { BackboneProgress } from '../headstart.js';
import type { BackbonesState } from './backbone-types.js';
import type { DroppedClass, ImportState } from './import.js';
import type { SettingName } from './setting-rules.js';

/** The number of a class or of a picture, the same for the page and for every trainer that it uses; the two are counted apart. */
export type Key = number;

export interface PictureState {
  readonly key: Key;
  readonly name: string;
  /** Whether it is of the test set; otherwise it is to learn from. */
  readonly test?: true;
}

export interface ClassState {
  readonly key: Key;
  readonly name: string;
  /** In order of arrival. */
  readonly pictures: readonly PictureState[];
}

/** Pictures of one class on their way in. */
export interface Intake {
  readonly done: number;
  readonly total: number;
}

/** Where a picture was before it was deleted or moved. */
export interface Place {
  readonly picture: PictureState;
  readonly classKey: Key;
  readonly index: number;
}

/** What `undo` can take back, newest last. */
export type UndoEntry =
  | { readonly kind: 'class-removed'; readonly removed: ClassState; readonly index: number }
  /** `removed` is as it was; its pictures are in the other class meanwhile. */
  | { readonly kind: 'class-merged'; readonly removed: ClassState; readonly index: number; readonly into: Key }
  | { readonly kind: 'class-renamed'; readonly key: Key; readonly from: string; readonly to: string }
  | { readonly kind: 'pictures-removed'; readonly places: readonly Place[] }
  | { readonly kind: 'pictures-moved'; readonly places: readonly Place[]; readonly to: Key }
  /** An import: the pictures that came, the classes that were made for them and those that made room. It grows while it runs. */
  | {
      readonly kind: 'imported';
      readonly id: number;
      readonly pictures: readonly Key[];
      readonly created: readonly Key[];
      readonly dropped: readonly DroppedClass[];
    };

/** A message beside what it concerns: the whole page, one of the three steps, the choice of a backbone, or one class. */
export type Area = 'page' | 'pictures' | 'train' | 'backbone' | 'try' | `class-${Key}`;

export interface Notice {
  readonly id: number;
  readonly area: Area;
  readonly tone: 'error' | 'info';
  readonly text: string;
}

/** The latest thing done that can be undone, in words. */
export interface Toast {
  readonly id: number;
  readonly text: string;
}

/** How far a backbone can be fine-tuned. */
export type BackboneLimits = Pick<BackboneReport, 'fineTunable' | 'stages' | 'fineTuneReason'>;

export type EngineStatus = 'loading' | 'ready' | 'switching' | 'failed';

export interface EngineState {
  readonly status: EngineStatus;
  readonly report: EngineReport | null;
  readonly defaults: TrainConfig | null;
  readonly rules: SettingRules | null;
  readonly backbone: BackboneReport | null;
  /** Why starting failed, when it did. */
  readonly problem: string | null;
}

/** One epoch of a run, as the curves draw it. */
export interface EpochPoint {
  readonly epoch: number;
  readonly phase: Phase;
  readonly loss: number;
  readonly accuracy: number;
  readonly validationLoss: number | null;
  readonly validationAccuracy: number | null;
}

export type RunStatus = 'idle' | 'starting' | 'running' | 'paused' | 'stopping';

export interface RunState {
  readonly status: RunStatus;
  readonly latest: TrainEvent | null;
  readonly points: readonly EpochPoint[];
  /** The latest remark on how it goes. */
  readonly hint: Warning | null;
  readonly report: TrainReport | null;
  /** The settings that it was started with. */
  readonly config: Readonly<Partial<TrainConfig>>;
  /** What this run took the place of, until it has learned something. */
  readonly before: RunState | null;
  /** The classes or pictures are no longer the ones that are or were learned. */
  readonly stale: boolean;
  /** Another model is in use now than the one that it made. */
  readonly replaced: boolean;
}

/** A run that went with its tab or its worker, and that can go on. */
export interface CutShort {
  /** Epochs that had ended, and that there are to be. */
  readonly epoch: number;
  readonly epochs: number;
}

export type Theme = 'auto' | 'light' | 'dark';

/** What a run with the present settings would train and take. */
export interface EstimateState {
  /** `asking` keeps the value of before on show. */
  readonly status: 'none' | 'asking' | 'known' | 'failed';
  readonly value: Estimate | null;
  /** The same for going on from the present model, where that can be done. */
  readonly further: Estimate | null;
  readonly problem: string | null;
}

/** The settings of a run that the page offers, as typed; a missing one is the trainer's default. */
export type Overrides = Readonly<Partial<Record<SettingName, string>>>;

/** What is remembered from visit to visit. Pictures never are. */
export interface Settings {
  readonly theme: Theme;
  readonly engine: EngineChoice;
  readonly overrides: Overrides;
  readonly advancedOpen: boolean;
  readonly cameraId: string | null;
  /** The folder's name of the backbone that was chosen of those that are served; null for the usual one. */
  readonly backbone: string | null;
}

/** The picture that is being tried, and what the model says of it or of what the camera sees. */
export interface Trial {
  readonly picture: { readonly url: string; readonly name: string } | null;
  readonly predictions: readonly Prediction[] | null;
}

/** The backbone is being changed. */
export interface BackboneChangeState {
  /** How many pictures are prepared for the new one; null while that is being loaded. */
  readonly progress: BackboneProgress | null;
}

/** Whether what is on the page is on the device too. */
export type Keeping =
  /** Nothing to keep yet. */
  | 'empty'
  | 'saving'
  | 'saved'
  /** All but the latest model, which went with the engine. */
  | 'without-model'
  /** Writing failed; it is tried again. */
  | 'failed'
  /** There is no room left. */
  | 'full'
  /** Another tab has the project. */
  | 'elsewhere'
  /** The browser refuses storage. */
  | 'off';

/** The project on the page. */
export interface ProjectState {
  /** Null until there is something to keep. */
  readonly id: string | null;
  readonly name: string;
  readonly keeping: Keeping;
}

export interface AppState {
  readonly project: ProjectState;
  readonly engine: EngineState;
  readonly backbones: BackbonesState;
  /** Null where the backbone is not being changed. */
  readonly backboneChange: BackboneChangeState | null;
  readonly classes: readonly ClassState[];
  readonly nextKey: Key;
  readonly intake: Readonly<Record<Key, Intake>>;
  /** Null where nothing is being imported. */
  readonly import: ImportState | null;
  readonly undo: readonly UndoEntry[];
  readonly notices: readonly Notice[];
  readonly toast: Toast | null;
  readonly nextNotice: number;
  readonly run: RunState;
  /** Null where there is no run to go on with. */
  readonly cutShort: CutShort | null;
  readonly estimate: EstimateState;
  /** What keeps the core from training, as it last said; null before it was asked. */
  readonly readiness: Readiness | null;
  /** The labels of the model that predicts, or null before there is one. */
  readonly model: readonly ModelClass[] | null;
  /** A model is being saved to a file or opened from one: the engine stays as long. */
  readonly modelFileBusy: boolean;
  /** The class that a paste or a drop beside the cards goes to, or the predict panel. */
  readonly target: Key | 'try' | null;
  /** Who has the camera: there is one view of it at a time. */
  readonly camera: Key | 'try' | null;
  readonly trial: Trial;
  readonly settings: Settings;
}
