import { percent } from '../../state/words.js';
import { hueOf } from '../../ui/common/hue.js';
import { memo } from '../../ui/common/memo.js';
import { bestOf } from '../shares.js';
import type { Item } from '../state.js';

interface PictureEntryProps {
  readonly item: Item;
  readonly isShown: boolean;
  readonly onShow: (item: Item) => void;
}

/** A picture of the list: small, with its best class, or with the reason why there is none. */
export const PictureEntry = memo(({ item, isShown, onShow }: PictureEntryProps) => {
  const { name, outcome } = item;
  if (outcome.status !== 'seen') {
    return (
      <li class="entry">
        <span class="entry-place" />
        <span class="entry-text">
          <span class="entry-name">{name}</span>
          <span class={outcome.status === 'refused' ? 'problem' : 'hint'}>{outcome.status === 'refused' ? outcome.problem : 'Waiting'}</span>
        </span>
      </li>
    );
  }
  const best = bestOf(outcome.shares);
  return (
    <li>
      <button type="button" class="entry" aria-pressed={isShown} onClick={() => onShow(item)}>
        <img class="entry-place" src={outcome.thumbnail} alt="" />
        <span class="entry-text">
          <span class="entry-name">{name}</span>
          <span class={`entry-best ${hueOf(null, best)}`}>
            <span class="swatch" />
            <span>
              {outcome.classes[best]}, {percent(outcome.shares[best] ?? 0)}
            </span>
          </span>
        </span>
      </button>
    </li>
  );
});
