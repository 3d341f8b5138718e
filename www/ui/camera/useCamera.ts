import { useCallback, useEffect, useState } from 'preact/hooks';
import { listCameras, openCamera, type Camera, type CameraInfo } from '../../headstart.js';
import { useApp } from '../control/app.js';
import { codeOf, messageOf } from '../control/errors.js';

export interface CameraView {
  readonly camera: Camera | null;
  /** All that can be chosen from. */
  readonly cameras: readonly CameraInfo[];
  readonly problem: string | null;
  choose(id: string): void;
  retry(): void;
}

/** Opens the camera that was used last, and switches it off when the component goes. */
export function useCamera(): CameraView {
  const { store } = useApp();
  const [camera, setCamera] = useState<Camera | null>(null);
  const [cameras, setCameras] = useState<readonly CameraInfo[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const [attempt, setAttempt] = useState({ id: store.get().settings.cameraId, number: 0 });

  useEffect(() => {
    let gone = false;
    let opened: Camera | null = null;
    const open = async (): Promise<void> => {
      try {
        opened = await openRemembered(attempt.id);
      } catch (error) {
        if (!gone) setProblem(messageOf(error));
        return;
      }
      if (gone) return opened.stop();
      setCamera(opened);
      opened.onEnded(() => {
        setCamera(null);
        setProblem('The camera was disconnected or switched off. Connect it and try again.');
      });
      // Without a choice of others the one that is open still works.
      const all = await listCameras().catch(() => []);
      if (!gone) setCameras(all);
    };
    setProblem(null);
    setCamera(null);
    void open();
    return () => {
      gone = true;
      opened?.stop();
    };
  }, [attempt]);

  const choose = useCallback(
    (id: string) => {
      store.dispatch({ type: 'settings-changed', change: { cameraId: id } });
      setAttempt((before) => ({ id, number: before.number + 1 }));
    },
    [store],
  );
  const retry = useCallback(() => setAttempt((before) => ({ ...before, number: before.number + 1 })), []);
  return { camera, cameras, problem, choose, retry };
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
