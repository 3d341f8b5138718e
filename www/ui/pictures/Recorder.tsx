import { useCallback, useRef, useState } from 'preact/hooks';
import { newGroup, record, type Recording } from '../../headstart.js';
import type { Key } from '../../state/types.js';
import { count } from '../../state/words.js';
import { CameraStage } from '../camera/CameraStage.js';
import { toFile } from '../camera/grab.js';
import { useHold } from '../camera/useHold.js';
import { useApp } from '../control/app.js';
import { report } from '../control/errors.js';

const HOW = 'Hold the button, or the space bar, and move things about.';

/** The camera of a class card: pictures are taken for as long as the button is held. */
export function Recorder({ classKey, name }: { classKey: Key; name: string }) {
  const { store, pictures } = useApp();
  const video = useRef<HTMLVideoElement | null>(null);
  const recording = useRef<Recording | null>(null);
  const [ready, setReady] = useState(false);
  const [filming, setFilming] = useState(false);
  const [taken, setTaken] = useState(0);
  const onVideo = useCallback((element: HTMLVideoElement | null) => {
    video.current = element;
    setReady(element !== null);
  }, []);

  const take = async (frame: ImageBitmap, group: string, index: number): Promise<void> => {
    const blob = await toFile(frame);
    pictures.addSources(classKey, [{ blob, group, name: `webcam picture ${index + 1}` }]);
    setTaken((before) => before + 1);
  };
  const start = async (): Promise<void> => {
    if (video.current === null) return;
    setTaken(0);
    const own = record(video.current);
    recording.current = own;
    setFilming(true);
    try {
      for await (const { bitmap, group, index } of own) await take(bitmap, group, index);
    } catch (error) {
      report(store, `class-${classKey}`, error);
    } finally {
      // The next one may have begun.
      if (recording.current === own) setFilming(false);
    }
  };
  const single = async (): Promise<void> => {
    if (video.current === null) return;
    setTaken(0);
    try {
      await take(await createImageBitmap(video.current), newGroup(), 0);
    } catch (error) {
      report(store, `class-${classKey}`, error);
    }
  };
  const { held, handlers } = useHold(
    () => void start(),
    () => recording.current?.stop(),
    () => void single(),
  );
  const shown = taken > 0 ? `${count(taken, 'picture')} taken` : HOW;

  return (
    <div class="recorder">
      <CameraStage onVideo={onVideo} label={`Camera for ${name}`}>
        {held && <span class="recording-light" aria-hidden="true" />}
      </CameraStage>
      <div class="recorder-controls">
        <button type="button" class={held ? 'button primary hold held' : 'button primary hold'} disabled={!ready} {...handlers}>
          {held ? 'Recording…' : 'Hold to record'}
        </button>
        <button type="button" class="button" onClick={() => store.dispatch({ type: 'camera-given', to: null })}>
          Close camera
        </button>
      </div>
      <p class="hint" aria-hidden={taken > 0}>
        {shown}
      </p>
      {/* The count goes up eight times a second: read out are the beginning and the end. */}
      <p class="visually-hidden" role="status">
        {filming ? 'Recording.' : taken > 0 ? shown : ''}
      </p>
    </div>
  );
}
