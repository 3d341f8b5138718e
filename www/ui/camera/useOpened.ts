import { useEffect, useState } from 'preact/hooks';
// Not by way of `headstart.js`: the page of its own, which uses this too, has another worker.
import { listCameras, type Camera, type CameraInfo } from '../../client/camera.js';

/** A camera that is open, or why it is not. */
export interface Opened {
  readonly camera: Camera | null;
  /** All that can be chosen from. */
  readonly cameras: readonly CameraInfo[];
  readonly problem: string | null;
}

/** Opens a camera, again whenever `open` is another function, and switches it off when the component goes. */
export function useOpened(open: () => Promise<Camera>, inWords: (error: unknown) => string): Opened {
  const [camera, setCamera] = useState<Camera | null>(null);
  const [cameras, setCameras] = useState<readonly CameraInfo[]>([]);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    let gone = false;
    let opened: Camera | null = null;
    const begin = async (): Promise<void> => {
      try {
        opened = await open();
      } catch (error) {
        if (!gone) setProblem(inWords(error));
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
    void begin();
    return () => {
      gone = true;
      opened?.stop();
    };
  }, [open, inWords]);

  return { camera, cameras, problem };
}
