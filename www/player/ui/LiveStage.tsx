import { useEffect, useRef } from 'preact/hooks';
import { eachFrame } from '../../client/frames.js';
import { CameraChoice } from '../../ui/camera/CameraChoice.js';
import { CameraProblem } from '../../ui/camera/CameraProblem.js';
import type { Player } from '../player.js';
import { useCamera } from './useCamera.js';

/** What the camera sees, looked at frame by frame as fast as the worker can; frames that come meanwhile are left out. */
export function LiveStage({ player }: { player: Player }) {
  const { camera, cameras, problem, choose, turn, retry } = useCamera();
  const video = useRef<HTMLVideoElement>(null);

  useEffect(() => {
    const element = video.current;
    if (element === null || camera === null) return undefined;
    element.srcObject = camera.stream;
    // A browser that refuses to play without a touch plays at the next one.
    element.play().catch(() => undefined);
    const stop = new AbortController();
    eachFrame(element, (frame) => player.frame(frame), stop.signal).catch((error: unknown) => {
      if (stop.signal.aborted) return;
      player.setLive(false);
      player.report(error);
    });
    return () => {
      stop.abort();
      element.srcObject = null;
    };
  }, [camera, player]);

  if (problem !== null) return <CameraProblem problem={problem} onRetry={retry} />;
  return (
    <div class="camera">
      <div class="stage">
        <video ref={video} class={camera?.facesUser === false ? '' : 'mirrored'} aria-label="What the camera sees" muted playsInline />
        {camera === null && <p class="stage-note">Waiting for the camera…</p>}
      </div>
      <CameraChoice cameras={cameras} id={camera?.id} onChoose={choose}>
        {turn !== null && (
          <button type="button" class="button small" onClick={turn}>
            {camera?.facesUser === true ? 'Back' : 'Front'}
          </button>
        )}
      </CameraChoice>
    </div>
  );
}
