import { useEffect, useState } from 'preact/hooks';
import { listCameras, openCamera, type Camera, type CameraInfo, type CameraOptions } from '../../client/camera.js';
import { messageOf } from '../message-of.js';

export interface CameraView {
  readonly camera: Camera | null;
  /** All that can be chosen from. */
  readonly cameras: readonly CameraInfo[];
  readonly problem: string | null;
  choose(id: string): void;
  /** From the camera beside the screen to the one on the back or the other way; null where there are no such two. */
  readonly turn: (() => void) | null;
  retry(): void;
}

/** Opens a camera, and switches it off when the component goes. */
export function useCamera(): CameraView {
  const [camera, setCamera] = useState<Camera | null>(null);
  const [cameras, setCameras] = useState<readonly CameraInfo[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  // On a phone one looks at things with the one on the back.
  const [wish, setWish] = useState<CameraOptions>({ facing: 'environment' });

  useEffect(() => {
    let gone = false;
    let opened: Camera | null = null;
    const open = async (): Promise<void> => {
      try {
        opened = await openCamera(wish);
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
  }, [wish]);

  const saysWhere = camera?.stream.getVideoTracks()[0]?.getSettings().facingMode !== undefined;
  return {
    camera,
    cameras,
    problem,
    choose: (id) => setWish({ id }),
    turn: saysWhere && cameras.length > 1 ? () => setWish({ facing: camera?.facesUser === true ? 'environment' : 'user' }) : null,
    retry: () => setWish({ ...wish }),
  };
}
