import { useEffect, useRef, useState } from 'preact/hooks';
import { nameInUse } from '../../state/backbones.js';
import { lazy } from '../common/lazy.js';
import { Notices } from '../common/Notices.js';
import { useDrop } from '../common/useDrop.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

const BackboneForm = lazy(() => import('./BackboneForm.js').then((module) => module.BackboneForm));

/** Which backbone is in use and, when it is opened, which there are. The files of one can be dropped on it either way. */
export function BackbonePicker() {
  const { picker } = useApp();
  const [open, setOpen] = useState(false);
  const name = useAppState((state) => (state.engine.backbone === null ? null : nameInUse(state)));
  const side = useAppState((state) => state.engine.backbone?.inputSize);
  const latest = useAppState((state) => state.notices.findLast(({ area }) => area === 'backbone')?.id);
  const end = useRef<HTMLDivElement>(null);
  // The list may be longer than the screen.
  useEffect(() => {
    if (latest !== undefined) end.current?.scrollIntoView({ block: 'nearest' });
  }, [latest]);
  const { over, handlers } = useDrop(['Files'], (transfer) => picker.takeTransfer(transfer));
  if (name === null) return <Notices area="backbone" />;
  return (
    <div class="backbone-place">
      <details id="backbone" class={over ? 'backbone over' : 'backbone'} {...handlers} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="backbone-line">
            <span>Backbone </span>
            <span class="backbone-name">
              {name}, {side} px
            </span>
          </span>
        </summary>
        {open && <BackboneForm />}
      </details>
      <div ref={end} class="backbone-notices">
        <Notices area="backbone" />
      </div>
    </div>
  );
}
