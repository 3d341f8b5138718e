import { useLayoutEffect, useRef } from 'preact/hooks';
import { describeChange, nameOfNext, nameOfSettled, secondsLeft, type Mark } from '../../state/backbone-words.js';
import { nameInUse } from '../../state/backbones.js';
import type { BackboneChangeState } from '../../state/types.js';
import { Icon } from '../common/Icon.js';
import { ProgressBar } from '../common/ProgressBar.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

/** How far a change of the backbone is, and the way back. */
export function BackboneProgress() {
  const change = useAppState((state) => state.backboneChange);
  const name = useAppState(nameOfNext);
  const inUse = useAppState(nameInUse);
  const changed = useRef(false);
  changed.current ||= change !== null;
  return (
    <>
      {/* A pace is that of one backbone. */}
      {change !== null && <Changing key={name} name={name} change={change} />}
      {/* The figures are beside the bar: nobody could listen to them. */}
      <p class="visually-hidden" role="status">
        {change !== null ? describePhase(name, change) : changed.current ? `${inUse} is in use.` : ''}
      </p>
    </>
  );
}

function describePhase(name: string, { progress }: BackboneChangeState): string {
  return progress === null ? `Loading ${name}.` : `Preparing pictures for ${name}.`;
}

function Changing({ name, change: { progress } }: { name: string; change: BackboneChangeState }) {
  const { picker } = useApp();
  const before = useAppState(nameOfSettled);
  const root = useRef<HTMLDivElement>(null);
  const since = useRef<Mark | null>(null);
  useLayoutEffect(() => {
    const element = root.current;
    return () => {
      // The focus would fall off the page with the button.
      if (element?.contains(document.activeElement)) document.querySelector<HTMLElement>('#backbone > summary')?.focus({ preventScroll: true });
    };
  }, []);
  const now = progress && { milliseconds: performance.now(), done: progress.done };
  since.current ??= now;
  const left = now && since.current && secondsLeft(since.current, now, progress.total);
  const share = progress === null ? null : progress.total === 0 ? 1 : progress.done / progress.total;
  return (
    <div ref={root} class="backbone-change">
      <ProgressBar label="Changing the backbone" share={share} text={describeChange(name, progress, left)} />
      <button type="button" class="button" onClick={() => void picker.cancel()}>
        <Icon name="stop" /> Cancel
      </button>
      <p class="hint">
        {progress !== null && before !== null && `Cancelling goes back to ${before}. `}You can add pictures and try the model meanwhile.
      </p>
    </div>
  );
}
