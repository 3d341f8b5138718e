import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { loadSettings, saveSettings } from '../../storage/settings.js';
import { initialState } from '../../state/reducer.js';
import { createStore, type Store } from '../../state/store.js';
import type { EngineChoice } from '../../headstart.js';
import { Estimator } from './estimator.js';
import { Intake } from './intake.js';
import { Keeper } from './keeper.js';
import { Library } from './library.js';
import { ModelFiles } from './model.js';
import { Pictures } from './pictures.js';
import { Predictor } from './predictor.js';
import { Session, type CreateTrainer } from './session.js';
import { Training } from './training.js';

const ENGINE_NAMES: Readonly<Record<EngineChoice, string>> = { auto: 'Automatic', webgpu: 'WebGPU', cpu: 'The CPU' };

/** All that components can see and do. */
export interface App {
  readonly store: Store;
  readonly library: Library;
  readonly session: Session;
  readonly pictures: Pictures;
  readonly training: Training;
  readonly models: ModelFiles;
  readonly predictor: Predictor;
  /** Starts the engine that was chosen last, at first or again; where that one does not start, whichever does. */
  start(): Promise<void>;
  /** Changes the engine; the choice is remembered only if it works. Not while a model is on its way from or to a file. */
  chooseEngine(choice: EngineChoice): Promise<void>;
}

export function createApp(create?: CreateTrainer): App {
  const store = createStore(initialState(loadSettings()));
  const library = new Library();
  const intake = new Intake(store, library);
  const session = new Session(store, intake, create);
  remember(store);
  new Estimator(store, session).follow();
  new Keeper(store, session).follow();
  return {
    store,
    library,
    session,
    pictures: new Pictures(store, library, intake, session),
    training: new Training(store, session),
    models: new ModelFiles(store, session),
    predictor: new Predictor(store, session),
    async start() {
      // Somebody has just chosen another engine, which is to be the one.
      const joined = session.join();
      if (joined !== null) return void (await joined);
      const { engine } = store.get().settings;
      if ((await session.start(engine)) || engine === 'auto' || !(await session.start('auto'))) return;
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
