import type { BackboneChoice } from '../../state/backbone-types.js';
import { inShort } from '../../state/backbone-words.js';
import { idInUse, nameOf } from '../../state/backbones.js';
import { useAppState } from '../control/useAppState.js';
import { BackboneFacts } from './BackboneFacts.js';

interface BackboneOptionProps {
  readonly choice: BackboneChoice;
  /** Everything about it is shown. */
  readonly looked: boolean;
  readonly onLook: () => void;
}

/** A backbone that can be looked at. */
export function BackboneOption({ choice, looked, onLook }: BackboneOptionProps) {
  const { id } = choice;
  const name = useAppState((state) => nameOf(state, id));
  const inUse = useAppState((state) => idInUse(state) === id);
  return (
    <div class={looked ? 'choice chosen' : 'choice'}>
      <input type="radio" id={`backbone-${id}`} name="backbone" value={id} checked={looked} aria-describedby={`backbone-${id}-about`} onChange={onLook} />
      <label for={`backbone-${id}`}>
        {name} {inUse && <span class="badge">in use</span>}
      </label>
      <p id={`backbone-${id}-about`} class="hint">
        {inShort(choice)}
      </p>
      {looked && <BackboneFacts choice={choice} inUse={inUse} />}
    </div>
  );
}
