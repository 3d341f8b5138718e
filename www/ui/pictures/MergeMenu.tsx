import { useEffect, useState } from 'preact/hooks';
import { whatTheModelGoesOnWith, whyNotMerge } from '../../state/merge.js';
import type { ClassState, Key } from '../../state/types.js';
import { Icon } from '../common/Icon.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { ClassMenu } from './ClassMenu.js';

/** The classes that a class can be merged into; nothing where there is no other. */
export function MergeMenu({ shown }: { shown: ClassState }) {
  const { pictures } = useApp();
  const { key, name } = shown;
  const [open, setOpen] = useState(false);
  const alone = useAppState((state) => state.classes.length < 2);
  const problem = useAppState((state) => whyNotMerge(state, key));
  // While it is closed, what comes into the classes does not concern it.
  const classes = useAppState((state) => (open ? state.classes : null));
  const remark = useAppState((state) => whatTheModelGoesOnWith(state.model, shown));
  const cannot = alone || problem !== null;
  useEffect(() => {
    if (!cannot || !open) return;
    // Otherwise it would open by itself, and take the focus, once it can again.
    setOpen(false);
    // The focus has fallen off the page with it.
    if (document.activeElement === document.body) document.getElementById(`class-${key}`)?.focus({ preventScroll: true });
  }, [cannot]);
  if (alone) return null;
  const merge = (into: Key): void => {
    pictures.mergeClass(key, into);
    // The focus would fall off the page with the card.
    document.getElementById(`class-${into}`)?.focus({ preventScroll: true });
  };
  return (
    <ClassMenu
      open={open && problem === null}
      onOpen={setOpen}
      classes={classes?.filter((each) => each.key !== key) ?? []}
      onChoose={merge}
      kind="icon-button"
      label={`Merge class ${name} into…`}
      problem={problem}
      title={`Put all pictures of “${name}” into`}
      remark={remark}
    >
      <Icon name="merge" />
    </ClassMenu>
  );
}
