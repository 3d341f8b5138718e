import type { ImportLeftOut } from '../../state/import.js';
import { count } from '../../state/words.js';

/** Files that will not come in, by the reason why. */
export function LeftOut({ groups }: { readonly groups: readonly ImportLeftOut[] }) {
  const total = groups.reduce((sum, group) => sum + group.total, 0);
  return (
    <details class="import-left-out" open={groups.length <= 3}>
      <summary>{total === 1 ? '1 file will be left out' : `${count(total, 'file')} will be left out`}</summary>
      <ul>
        {groups.map(({ reason, names, total: many }) => (
          <li key={reason}>
            <p>
              {many === 1 ? 'One' : many.toLocaleString('en')}: {many === 1 ? 'it' : 'each'} {reason}
            </p>
            <p class="hint">
              {names.join(', ')}
              {many > names.length && ` and ${(many - names.length).toLocaleString('en')} more`}
            </p>
          </li>
        ))}
      </ul>
    </details>
  );
}
