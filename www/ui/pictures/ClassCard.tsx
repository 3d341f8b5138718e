import { useMemo } from 'preact/hooks';
import { toLearn } from '../../state/classes.js';
import type { ClassState } from '../../state/types.js';
import { count } from '../../state/words.js';
import { FileButton } from '../common/FileButton.js';
import { hueOfKey } from '../common/hue.js';
import { Icon } from '../common/Icon.js';
import { memo } from '../common/memo.js';
import { Notices } from '../common/Notices.js';
import { PICTURES_TYPE, useDrop } from '../common/useDrop.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { ClassName } from './ClassName.js';
import { IntakeProgress } from './IntakeProgress.js';
import { MergeMenu } from './MergeMenu.js';
import { PictureGrid } from './PictureGrid.js';
import { Recorder } from './Recorder.js';

interface ClassCardProps {
  readonly shown: ClassState;
  readonly index: number;
}

/** A class: its name, its pictures and every way to add more. */
export const ClassCard = memo(function ClassCard({ shown, index }: ClassCardProps) {
  const { store, pictures } = useApp();
  const { key, name } = shown;
  const filming = useAppState((state) => state.camera === key);
  const targeted = useAppState((state) => state.target === key);
  const reading = useAppState((state) => state.intake[key] !== undefined);
  const { over, handlers } = useDrop(['Files', PICTURES_TYPE], (transfer) => {
    const moving = transfer.getData(PICTURES_TYPE);
    if (moving === '') pictures.addTransfer(transfer, key);
    else pictures.move(new Set(JSON.parse(moving) as number[]), key);
  });
  const target = (): void => store.dispatch({ type: 'target-chosen', target: key });
  const remove = (event: Event): void => {
    const card = (event.currentTarget as Element).closest('li');
    const neighbour = card?.nextElementSibling ?? card?.previousElementSibling;
    pictures.removeClass(key);
    // The focus would fall off the page with the card.
    if (neighbour instanceof HTMLElement) neighbour.focus({ preventScroll: true });
  };
  const learned = useMemo(() => toLearn(shown), [shown]);
  const total = learned.pictures.length;
  return (
    <li
      id={`class-${key}`}
      class={`card class-card ${hueOfKey(key)}${over ? ' over' : ''}${targeted ? ' targeted' : ''}`}
      aria-label={name}
      tabIndex={-1}
      {...handlers}
      onFocusIn={target}
      onPointerDown={target}
    >
      <div class="class-head">
        <span class="swatch" aria-hidden="true" />
        <ClassName classKey={key} name={name} index={index} />
        <span class="class-count">{count(total, 'picture')}</span>
        <MergeMenu shown={shown} />
        <button type="button" class="icon-button" aria-label={`Delete class ${name}`} onClick={remove}>
          <Icon name="bin" />
        </button>
      </div>
      <div class="row">
        <button
          type="button"
          class="button grow"
          aria-pressed={filming}
          aria-label={`Webcam for ${name}`}
          onClick={() => store.dispatch({ type: 'camera-given', to: filming ? null : key })}
        >
          <Icon name="camera" /> Webcam
        </button>
        <FileButton kind="button grow" many accept="image/*" label={`Choose files for ${name}`} onFiles={(files) => pictures.addFiles(key, files)}>
          <Icon name="picture" /> Choose files
        </FileButton>
      </div>
      <Notices area={`class-${key}`} />
      {filming && <Recorder classKey={key} name={name} />}
      <IntakeProgress classKey={key} />
      {total > 0 && <PictureGrid shown={learned} label={`Pictures of ${name}`} />}
      {total === 0 && !reading && !filming && <p class="hint drop-hint">Drop or paste pictures here.</p>}
    </li>
  );
});
