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

/** All that components can see and do. */
export interface App {
  readonly store: Store;
  readonly library: Library;
  readonly session: Session;
  readonly pictures: Pictures;
  readonly training: Training;
  readonly models: ModelFiles;
  readonly predictor: Predictor;
  /** Changes the engine; the choice is remembered only if it works. */
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
    async chooseEngine(choice) {
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
