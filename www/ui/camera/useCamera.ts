import { useCallback, useState } from 'preact/hooks';
import { openCamera, type Camera } from '../../headstart.js';
import { useApp } from '../control/app.js';
import { codeOf, messageOf } from '../control/errors.js';
import { useOpened, type Opened } from './useOpened.js';

export interface CameraView extends Opened {
  choose(id: string): void;
  retry(): void;
}

/** Opens the camera that was used last, and switches it off when the component goes. */
export function useCamera(): CameraView {
  const { store } = useApp();
  const [attempt, setAttempt] = useState({ id: store.get().settings.cameraId, number: 0 });
  const opened = useOpened(useCallback(() => openRemembered(attempt.id), [attempt]), messageOf);
  const choose = useCallback(
    (id: string) => {
      store.dispatch({ type: 'settings-changed', change: { cameraId: id } });
      setAttempt((before) => ({ id, number: before.number + 1 }));
    },
    [store],
  );
  const retry = useCallback(() => setAttempt((before) => ({ ...before, number: before.number + 1 })), []);
  return { ...opened, choose, retry };
}

/** The remembered camera may have been unplugged since: any other will do then. */
async function openRemembered(id: string | null): Promise<Camera> {
  if (id === null) return openCamera();
  try {
    return await openCamera({ id });
  } catch (error) {
    if (codeOf(error) === 'camera_missing') return openCamera();
    throw error;
  }
}
