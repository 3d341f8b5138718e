import { useState } from 'preact/hooks';
import type { Key } from '../../state/types.js';
import { count } from '../../state/words.js';
import { Icon } from '../common/Icon.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { ClassMenu } from './ClassMenu.js';

interface SelectionBarProps {
  readonly classKey: Key;
  readonly selected: ReadonlySet<Key>;
  readonly total: number;
  readonly onClear: () => void;
  readonly onAll: () => void;
}

/** What can be done with the selected pictures. Always as high as its buttons, so that selecting moves nothing. */
export function SelectionBar({ classKey, selected, total, onClear, onAll }: SelectionBarProps) {
  const { pictures } = useApp();
  const classes = useAppState((state) => state.classes);
  const [moving, setMoving] = useState(false);
  const others = classes.filter((each) => each.key !== classKey);
  if (selected.size === 0) {
    return (
      <div class="selection-bar">
        <p class="hint">Select pictures to move or delete them.</p>
        <button type="button" class="button quiet small" onClick={onAll}>
          Select all
        </button>
      </div>
    );
  }
  return (
    <div class="selection-bar" role="group" aria-label="Selected pictures">
      <p class="selection-count" aria-hidden="true">
        {selected.size} of {total}
      </p>
      {/* Without the total, which changes with every picture that comes in. */}
      <p class="visually-hidden" role="status">
        {selected.size} selected
      </p>
      {others.length > 0 && (
        <ClassMenu
          open={moving}
          onOpen={setMoving}
          classes={others}
          kind="button small"
          title={`Move ${count(selected.size, 'picture')} to`}
          onChoose={(to) => {
            setMoving(false);
            onClear();
            pictures.move(selected, to);
          }}
        >
          Move to…
        </ClassMenu>
      )}
      <button
        type="button"
        class="button small"
        onClick={() => {
          onClear();
          pictures.remove(selected);
        }}
      >
        Delete
      </button>
      <button type="button" class="icon-button" aria-label="Select none" onClick={onClear}>
        <Icon name="close" />
      </button>
    </div>
  );
}
