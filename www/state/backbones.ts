/** The backbones that there are to choose from, and which is in use: pure transitions. */
import type { BackboneReport } from '../generated/types.js';
import type { BackboneProgress } from '../headstart.js';
import type { BackboneChoice, BackboneCost, BackbonesState, ModelBackbone } from './backbone-types.js';
import type { AppState } from './types.js';

export type BackbonesAction =
  | { readonly type: 'backbones-asked' }
  | { readonly type: 'backbones-listed'; readonly choices: readonly BackboneChoice[]; readonly usual: string | null }
  | { readonly type: 'backbones-not-listed'; readonly problem: string }
  | { readonly type: 'backbone-brought'; readonly choice: BackboneChoice }
  | { readonly type: 'backbone-wanted'; readonly wanted: BackbonesState['wanted'] }
  | { readonly type: 'backbone-placed'; readonly inUse: string | null; readonly settled: string | null }
  | { readonly type: 'backbone-measured'; readonly id: string; readonly cost: BackboneCost }
  | { readonly type: 'backbone-changing'; readonly progress: BackboneProgress | null }
  | { readonly type: 'backbone-change-ended' }
  | { readonly type: 'backbone-changed'; readonly backbone: BackboneReport };

export const NO_BACKBONES: BackbonesState = {
  list: 'unasked',
  problem: null,
  choices: [],
  usual: null,
  inUse: null,
  settled: null,
  wanted: null,
  costs: {},
  ofModel: null,
};

export function reduceBackbones(state: AppState, action: BackbonesAction): AppState {
  switch (action.type) {
    case 'backbone-changing':
      return { ...state, backboneChange: { progress: action.progress } };
    case 'backbone-change-ended':
      return state.backboneChange === null ? state : { ...state, backboneChange: null };
    case 'backbone-changed':
      return {
        ...state,
        engine: { ...state.engine, backbone: action.backbone },
        backbones: action.backbone.arithmetic === state.engine.backbone?.arithmetic ? state.backbones : withoutCosts(state.backbones),
      };
    default:
      return { ...state, backbones: reduceChoices(state.backbones, action) };
  }
}

type ChangeAction = Extract<BackbonesAction, { type: 'backbone-changing' | 'backbone-change-ended' | 'backbone-changed' }>;

function reduceChoices(state: BackbonesState, action: Exclude<BackbonesAction, ChangeAction>): BackbonesState {
  switch (action.type) {
    case 'backbones-asked':
      return { ...state, list: 'asking', problem: null };
    case 'backbones-listed': {
      const brought = state.choices.filter(({ kind }) => kind === 'disk');
      return { ...state, list: 'known', problem: null, choices: [...action.choices, ...brought], usual: action.usual };
    }
    case 'backbones-not-listed':
      return { ...state, list: 'failed', problem: action.problem };
    case 'backbone-brought':
      return { ...state, choices: [...state.choices.filter(({ id }) => id !== action.choice.id), action.choice] };
    case 'backbone-wanted':
      return { ...state, wanted: action.wanted };
    case 'backbone-placed':
      return {
        ...state,
        inUse: action.inUse,
        settled: action.settled,
        wanted: state.wanted?.id === action.inUse ? null : state.wanted,
      };
    case 'backbone-measured':
      return { ...state, costs: { ...state.costs, [action.id]: action.cost } };
  }
}

/** What was measured is about an engine that has gone. */
export function withoutCosts(state: BackbonesState): BackbonesState {
  return { ...state, costs: {} };
}

/** The backbone that the pictures are prepared for; null before the list is known, where it is the usual one. */
export function idInUse({ backbones }: AppState): string | null {
  return backbones.inUse ?? backbones.usual;
}

/** What the backbone in use is called. */
export function nameInUse(state: AppState): string {
  const id = idInUse(state);
  return (id === null ? null : nameOf(state, id)) ?? state.engine.backbone?.label ?? 'the backbone';
}

/** What a backbone is called: by its architecture, and by its own name too where there are several of that. */
export function nameOf({ backbones: { choices } }: AppState, id: string): string | null {
  const choice = choices.find((each) => each.id === id);
  if (choice === undefined) return null;
  const namesakes = choices.filter(({ label }) => label === choice.label);
  return namesakes.length > 1 ? `${choice.label} (${choice.name})` : choice.label;
}

/** What the model that was just trained was trained on: no training and no change of the backbone run at a time. */
export function presentBackbone(state: AppState): ModelBackbone {
  return { id: state.backbones.inUse, name: nameInUse(state) };
}

/** The name of the backbone that the model was trained on and that is not in use any more; null where it is, or where nobody knows. */
export function otherBackboneOfModel(state: AppState): string | null {
  const { ofModel, usual } = state.backbones;
  if (state.model === null || ofModel === null || (ofModel.id ?? usual) === idInUse(state)) return null;
  return ofModel.name;
}
