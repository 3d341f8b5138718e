import { count } from '../../state/words.js';
import { Icon } from '../../ui/common/Icon.js';
import { ProgressBar } from '../../ui/common/ProgressBar.js';
import { Spoken } from '../../ui/common/Spoken.js';
import { download, safeName } from '../../ui/control/download.js';
import { toCsv } from '../csv.js';
import { countOf, type Item } from '../state.js';
import { PictureEntry } from './PictureEntry.js';

interface PicturesProps {
  readonly items: readonly Item[];
  /** The one on show. */
  readonly shown: number | null;
  /** Of the model; null while there is none. */
  readonly classes: readonly string[] | null;
  /** The model's. */
  readonly name: string;
  readonly onShow: (item: Item) => void;
  readonly onClear: () => void;
}

/** All pictures of this visit in the order in which they came. */
export function Pictures({ items, shown, classes, name, onShow, onClear }: PicturesProps) {
  if (items.length === 0) return null;
  const { done, refused } = countOf(items);
  const busy = done < items.length;
  const text = refused === 0 ? count(items.length, 'picture') : `${count(items.length, 'picture')}, ${refused} of them could not be read`;
  const save = (): void => {
    if (classes === null) return;
    const rows = items.map(({ name: file, outcome }) => ({ name: file, shares: outcome.status === 'seen' ? outcome.shares : null }));
    download(toCsv(classes, rows), safeName(`${name}.csv`));
  };
  return (
    <section class="card" aria-label="Pictures">
      <div class="list-head">
        <div>
          <h2>Pictures</h2>
          <p class="hint">{text}</p>
        </div>
        <button type="button" class="button small" disabled={busy || classes === null} onClick={save}>
          <Icon name="down" /> Save as CSV
        </button>
        <button type="button" class="button small quiet" onClick={onClear}>
          <Icon name="bin" /> Clear
        </button>
      </div>
      {busy && <ProgressBar label="Looking at pictures" share={done / items.length} text={`${done} of ${items.length} looked at`} />}
      {/* One picture has its answer told. */}
      {items.length > 1 && <Spoken text={busy ? `Looking at ${count(items.length, 'picture')}` : `${text}, all looked at`} />}
      <ul class="entries">
        {items.map((item) => (
          <PictureEntry key={item.id} item={item} isShown={item.id === shown} onShow={onShow} />
        ))}
      </ul>
    </section>
  );
}
