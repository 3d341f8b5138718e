/** Everything that can happen to the state. */
import type {
  BackboneReport,
  EngineReport,
  Estimate,
  ModelClass,
  Prediction,
  Readiness,
  SettingRules,
  TrainConfig,
} from '../generated/types.js';
import type { BackbonesAction } from './backbones.js';
import type { ImportAction } from './import.js';
import type { RunAction } from './run.js';
import type { AppState, Area, CutShort, Key, Notice, PictureState, ProjectState, Settings } from './types.js';

export type Action =
  | { readonly type: 'class-added'; readonly name?: string }
  | { readonly type: 'class-renamed'; readonly key: Key; readonly name: string }
  | { readonly type: 'class-removed'; readonly key: Key }
  | { readonly type: 'class-merged'; readonly key: Key; readonly into: Key }
  | { readonly type: 'classes-dropped'; readonly keys: readonly Key[] }
  | { readonly type: 'pictures-expected'; readonly key: Key; readonly count: number }
  | { readonly type: 'pictures-read'; readonly key: Key; readonly added: readonly PictureState[]; readonly done: number }
  | { readonly type: 'pictures-removed'; readonly keys: ReadonlySet<Key> }
  | { readonly type: 'pictures-moved'; readonly keys: ReadonlySet<Key>; readonly to: Key }
  | { readonly type: 'pictures-lost'; readonly keys: ReadonlySet<Key> }
  | { readonly type: 'undone' }
  | { readonly type: 'toast-closed'; readonly id: number }
  | { readonly type: 'noticed'; readonly area: Area; readonly tone: Notice['tone']; readonly text: string }
  | { readonly type: 'notice-dismissed'; readonly id: number }
  | { readonly type: 'area-cleared'; readonly area: Area }
  | { readonly type: 'engine-starting'; readonly switching: boolean }
  | {
      readonly type: 'engine-ready';
      readonly report: EngineReport;
      readonly defaults: TrainConfig;
      readonly rules: SettingRules;
      readonly backbone: BackboneReport;
    }
  | { readonly type: 'engine-changed'; readonly report: EngineReport }
  | { readonly type: 'engine-failed'; readonly problem: string }
  | { readonly type: 'run-cut-short'; readonly cutShort: CutShort | null }
  | { readonly type: 'readiness-told'; readonly readiness: Readiness }
  | { readonly type: 'estimate-dropped' }
  | { readonly type: 'estimate-asked' }
  | { readonly type: 'estimated'; readonly estimate: Estimate; readonly further: Estimate | null }
  | { readonly type: 'estimate-failed'; readonly problem: string }
  | { readonly type: 'model-changed'; readonly labels: readonly ModelClass[] | null }
  | { readonly type: 'model-trained'; readonly labels: readonly ModelClass[] | null }
  | { readonly type: 'model-replaced'; readonly labels: readonly ModelClass[] | null }
  | { readonly type: 'model-file-busy'; readonly busy: boolean }
  | { readonly type: 'target-chosen'; readonly target: Key | 'try' | null }
  | { readonly type: 'camera-given'; readonly to: Key | 'try' | null }
  | { readonly type: 'picture-tried'; readonly picture: AppState['trial']['picture'] }
  | { readonly type: 'predicted'; readonly predictions: readonly Prediction[] | null }
  | { readonly type: 'project-changed'; readonly change: Partial<ProjectState> }
  | { readonly type: 'settings-changed'; readonly change: Partial<Settings> }
  | BackbonesAction
  | ImportAction
  | RunAction;
