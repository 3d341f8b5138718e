import { useCallback, useEffect, useState } from 'preact/hooks';
import { eachFrame } from '../../headstart.js';
import { CameraStage } from '../camera/CameraStage.js';
import { useApp } from '../control/app.js';
import { report } from '../control/errors.js';

/** What the camera sees, predicted frame by frame as fast as the engine can. */
export function LiveStage() {
  const { store, predictor } = useApp();
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  useEffect(() => {
    if (video === null) return undefined;
    const stop = new AbortController();
    eachFrame(video, (frame) => predictor.tryFrame(frame), stop.signal).catch((error: unknown) => {
      if (stop.signal.aborted) return;
      report(store, 'try', error);
      store.dispatch({ type: 'camera-given', to: null });
    });
    return () => stop.abort();
  }, [video, predictor, store]);
  const onVideo = useCallback((element: HTMLVideoElement | null) => setVideo(element), []);
  return <CameraStage onVideo={onVideo} label="Camera to try it with" />;
}
