import { count, someOf } from '../../state/words.js';
import { Icon } from '../../ui/common/Icon.js';
import logo from '../../ui/icon.svg';
import type { ModelState } from '../state.js';

export function Header({ name, model }: { name: string; model: ModelState }) {
  return (
    <header class="page-head">
      <div class="brand">
        <img class="logo" src={logo} alt="" />
        <div>
          <h1>{name}</h1>
          {model.status === 'ready' && (
            <p>
              Tells apart {count(model.model.classes.length, 'class', 'classes')}: {someOf(model.model.classes)}
            </p>
          )}
        </div>
      </div>
      <p class="privacy">
        <Icon name="lock" /> Pictures stay on this device
      </p>
    </header>
  );
}
