import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { useCamera } from './useCamera.js';

interface CameraStageProps {
  /** Called with the video once it plays, and with null when it stops. */
  readonly onVideo: (video: HTMLVideoElement | null) => void;
  readonly label: string;
  readonly children?: ComponentChildren;
}

/** What the camera sees, cut to the square that the classifier looks at, with a choice of cameras. */
export function CameraStage({ onVideo, label, children }: CameraStageProps) {
  const { camera, cameras, problem, choose, retry } = useCamera();
  const video = useRef<HTMLVideoElement>(null);
  const pickerId = useId();

  useEffect(() => {
    const element = video.current;
    if (element === null || camera === null) return undefined;
    element.srcObject = camera.stream;
    // A browser that refuses to play without a touch plays at the next one.
    element.play().catch(() => undefined);
    onVideo(element);
    return () => {
      onVideo(null);
      element.srcObject = null;
    };
  }, [camera, onVideo]);

  if (problem !== null) {
    return (
      <div class="notice error camera-problem" role="alert">
        <p>{problem}</p>
        <button type="button" class="button small" onClick={retry}>
          Try again
        </button>
      </div>
    );
  }
  return (
    <div class="camera">
      <div class="stage">
        <video ref={video} class={camera?.facesUser === false ? '' : 'mirrored'} aria-label={label} muted playsInline />
        {camera === null && <p class="stage-note">Waiting for the camera…</p>}
        {children}
      </div>
      {cameras.length > 1 && (
        <div class="camera-choice">
          <label for={pickerId}>Camera</label>
          <select id={pickerId} value={camera?.id} onChange={(event) => choose(event.currentTarget.value)}>
            {cameras.map(({ id, label: name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </div>
      )}
    </div>
  );
}
