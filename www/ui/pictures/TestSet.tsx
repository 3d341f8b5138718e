import { useMemo, useState } from 'preact/hooks';
import { countTests, toTest } from '../../state/classes.js';
import type { ClassState } from '../../state/types.js';
import { count } from '../../state/words.js';
import { FileButton } from '../common/FileButton.js';
import { hueOfKey } from '../common/hue.js';
import { Icon } from '../common/Icon.js';
import { memo } from '../common/memo.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { PictureGrid } from './PictureGrid.js';

/** The test set: pictures of each class that nothing is learned from. */
export function TestSet() {
  const classes = useAppState((state) => state.classes);
  const total = useMemo(() => countTests(classes), [classes]);
  const [open, setOpen] = useState(false);
  return (
    <details class="card test-set" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Test pictures <span class="class-count">{total > 0 ? total.toLocaleString('en') : 'none'}</span>
      </summary>
      <p class="hint">Nothing is learned from these. After training they show how well the model does on pictures that it has never seen.</p>
      {open && (
        <ul class="test-classes">
          {classes.map((each) => (
            <TestClass key={each.key} shown={each} />
          ))}
        </ul>
      )}
    </details>
  );
}

const TestClass = memo(function TestClass({ shown }: { shown: ClassState }) {
  const { pictures } = useApp();
  const { key, name } = shown;
  const tested = useMemo(() => toTest(shown), [shown]);
  const total = tested.pictures.length;
  return (
    <li class={hueOfKey(key)} aria-label={`Test pictures of ${name}`} tabIndex={-1}>
      <div class="class-head">
        <span class="swatch" aria-hidden="true" />
        <span class="test-name">{name}</span>
        <span class="class-count">{count(total, 'picture')}</span>
        <FileButton kind="button small" many accept="image/*" label={`Add test pictures of ${name}`} onFiles={(files) => pictures.addFiles(key, files, 'test')}>
          <Icon name="plus" /> Add
        </FileButton>
      </div>
      {total > 0 && <PictureGrid shown={tested} label={`Test pictures of ${name}`} />}
    </li>
  );
});
