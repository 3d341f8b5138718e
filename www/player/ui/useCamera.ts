import { useCallback, useState } from 'preact/hooks';
import { openCamera, type CameraOptions } from '../../client/camera.js';
import { useOpened, type Opened } from '../../ui/camera/useOpened.js';
import { messageOf } from '../message-of.js';

export interface CameraView extends Opened {
  choose(id: string): void;
  /** From the camera beside the screen to the one on the back or the other way; null where there are no such two. */
  readonly turn: (() => void) | null;
  retry(): void;
}

/** Opens a camera, and switches it off when the component goes. */
export function useCamera(): CameraView {
  // On a phone one looks at things with the one on the back.
  const [wish, setWish] = useState<CameraOptions>({ facing: 'environment' });
  const opened = useOpened(useCallback(() => openCamera(wish), [wish]), messageOf);
  const { camera, cameras } = opened;
  const saysWhere = camera?.stream.getVideoTracks()[0]?.getSettings().facingMode !== undefined;
  return {
    ...opened,
    choose: (id) => setWish({ id }),
    turn: saysWhere && cameras.length > 1 ? () => setWish({ facing: camera?.facesUser === true ? 'environment' : 'user' }) : null,
    retry: () => setWish({ ...wish }),
  };
}
