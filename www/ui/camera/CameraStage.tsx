import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { CameraChoice } from './CameraChoice.js';
import { CameraProblem } from './CameraProblem.js';
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

  if (problem !== null) return <CameraProblem problem={problem} onRetry={retry} />;
  return (
    <div class="camera">
      <div class="stage">
        <video ref={video} class={camera?.facesUser === false ? '' : 'mirrored'} aria-label={label} muted playsInline />
        {camera === null && <p class="stage-note">Waiting for the camera…</p>}
        {children}
      </div>
      <CameraChoice cameras={cameras} id={camera?.id} onChoose={choose} />
    </div>
  );
}
