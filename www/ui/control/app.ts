import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { loadSettings, saveSettings } from '../../storage/settings.js';
import { countPictures } from '../../state/classes.js';
import { keptState } from '../../state/project.js';
import { initialState } from '../../state/reducer.js';
import { isActive } from '../../state/run.js';
import { createStore, type Store } from '../../state/store.js';
import type { BackboneEntry, EngineChoice } from '../../headstart.js';
import type { AppState } from '../../state/types.js';
import { Archive } from './archive.js';
import { Checkpoints } from './checkpoints.js';
import { Estimator } from './estimator.js';
import { Exporter } from './exporter.js';
import { FeatureKeeper } from './features.js';
import { Importer } from './importer.js';
import { Intake } from './intake.js';
import { Keeper } from './keeper.js';
import { Library } from './library.js';
import { ModelFiles } from './model.js';
import { BackbonePicker } from './picker.js';
import { Pictures } from './pictures.js';
import { Predictor } from './predictor.js';
import { Projects } from './projects.js';
import { NOTHING, type Recalled } from './recall.js';
import { MODEL_LOST, Session, type CreateTrainer, type Earlier } from './session.js';
import { Training } from './training.js';

const ENGINE_NAMES: Readonly<Record<EngineChoice, string>> = { auto: 'Automatic', webgpu: 'WebGPU', cpu: 'The CPU' };

/** All that components can see and do. */
export interface App {
  readonly store: Store;
  readonly library: Library;
  readonly session: Session;
  readonly pictures: Pictures;
  readonly importer: Importer;
  readonly exporter: Exporter;
  readonly training: Training;
  readonly models: ModelFiles;
  readonly predictor: Predictor;
  readonly picker: BackbonePicker;
  readonly projects: Projects;
  /** Whether leaving the page now would lose something. */
  wouldLose(): boolean;
  /** Starts the engine and the backbone that were chosen last, at first or again; where these do not start, whichever do. */
  start(): Promise<void>;
  /** Changes the engine; the choice is remembered only if it works. Not while a model is on its way from or to a file. */
  chooseEngine(choice: EngineChoice): Promise<void>;
}

export function createApp(create?: CreateTrainer, list?: () => Promise<BackboneEntry[]>, recalled: Recalled = NOTHING): App {
  const store = createStore(firstState(recalled));
  const library = new Library();
  const intake = new Intake(store, library);
  const session = new Session(store, intake, create, earlierOf(recalled));
  const checkpoints = new Checkpoints(recalled.elsewhere ? null : (recalled.project?.kept.checkpoint ?? null));
  const projects = new Projects(store, session, recalled.shelf, (find) => new Archive(store, library, session, checkpoints, find));
  goOnWith(recalled, store, library, projects.archive);
  remember(store);
  new Estimator(store, session).follow();
  new Keeper(store, session).follow();
  new FeatureKeeper(store, library, session, () => projects.archive.place).follow();
  const picker = new BackbonePicker(store, session, list);
  picker.follow();
  const pictures = new Pictures(store, library, intake, session);
  /** A file on the disk may have gone, and so may one that was served. */
  const startWithAny = async (engine: EngineChoice): Promise<boolean> => {
    if (await session.start(engine)) return true;
    return session.failure?.startsWith('backbone_') === true && (await picker.giveUp()) && session.start(engine);
  };
  return {
    store,
    library,
    session,
    pictures,
    importer: new Importer(store, library, intake, session, pictures),
    exporter: new Exporter(store, library),
    training: new Training(store, session, checkpoints),
    models: new ModelFiles(store, library, session),
    predictor: new Predictor(store, session),
    picker,
    projects,
    wouldLose() {
      const { classes, project, run, import: importing } = store.get();
      const isKept = ['saved', 'without-model', 'empty'].includes(project.keeping);
      return isActive(run) || importing?.status === 'adding' || intake.hasNew || (!isKept && countPictures(classes) > 0);
    },
    async start() {
      await picker.recall(recalled.project?.kept.trainer, recalled.project?.kept.page.backbone);
      // Somebody has just chosen another engine, which is to be the one.
      const joined = session.join();
      if (joined !== null) return void (await joined);
      const { engine } = store.get().settings;
      if ((await startWithAny(engine)) || engine === 'auto' || !(await startWithAny('auto'))) return;
      store.dispatch({ type: 'settings-changed', change: { engine: 'auto' } });
      const text = `${ENGINE_NAMES[engine]}, the engine chosen before, did not start: the choice is Automatic now.`;
      store.dispatch({ type: 'noticed', area: 'train', tone: 'info', text });
    },
    async chooseEngine(choice) {
      if (store.get().modelFileBusy) return;
      if (await session.start(choice)) store.dispatch({ type: 'settings-changed', change: { engine: choice } });
    },
  };
}

function firstState({ shelf, project, elsewhere }: Recalled): AppState {
  const settings = loadSettings();
  if (project !== null) return keptState(settings, project.kept, elsewhere ? 'elsewhere' : 'saved');
  const first = initialState(settings);
  return { ...first, project: { ...first.project, keeping: shelf === null ? 'off' : 'empty' } };
}

/** What the first trainer goes on with. */
function earlierOf({ project }: Recalled): Earlier | null {
  const trainer = project?.kept.trainer;
  if (!project || !trainer) return null;
  const { model, backbone, models } = trainer;
  const saved = { project: trainer.project, model, backbone, pictures: null, thumbnails: null, sources: null };
  return { project: saved, models: { saved: models, made: project.kept.page.models }, merges: project.kept.page.merges };
}

function goOnWith({ project, elsewhere, problem }: Recalled, store: Store, library: Library, archive: Archive): void {
  if (project !== null) {
    const { page, checkpoint } = project.kept;
    library.restore(page.classes.flatMap(({ pictures }) => pictures), page.nextPicture);
    archive.restore(project.place, project.kept);
    if (project.kept.trainer === null && page.models > 0) {
      store.dispatch({ type: 'noticed', area: 'train', tone: 'info', text: MODEL_LOST });
    }
    // Elsewhere it may well be under way.
    if (page.interrupted !== null && checkpoint === null && !elsewhere) {
      const text = 'The page was closed while it trained: what that run had learned is lost, all else is here. Train again.';
      store.dispatch({ type: 'noticed', area: 'train', tone: 'info', text });
    }
  }
  if (problem !== null) store.dispatch({ type: 'noticed', area: 'page', tone: 'error', text: problem });
  archive.follow();
}

function remember(store: Store): void {
  let saved = store.get().settings;
  store.subscribe(() => {
    const { settings } = store.get();
    if (settings !== saved) saveSettings(settings);
    saved = settings;
  });
}

const AppContext = createContext<App | null>(null);
export const AppProvider = AppContext.Provider;

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === null) throw new Error('Outside of AppProvider.');
  return app;
}
