import type { ImportClass } from '../../state/import.js';
import { count } from '../../state/words.js';
import { useApp } from '../control/app.js';

/** The classes that pictures would go to, each to be taken or left. */
export function ClassChoice({ classes }: { readonly classes: readonly ImportClass[] }) {
  const { importer } = useApp();
  return (
    <fieldset>
      <legend class="visually-hidden">Classes</legend>
      <ul class="import-classes">
        {classes.map(({ name, count: pictures, wanted, present }) => (
          <li key={name}>
            <label class="import-choice">
              <input type="checkbox" checked={wanted} onChange={(event) => importer.want(name, event.currentTarget.checked)} />
              <span>
                {name}
                <small>{present ? 'Joins your class of this name' : 'A new class'}</small>
              </span>
              <span class="import-count">{count(pictures, 'picture')}</span>
            </label>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}
