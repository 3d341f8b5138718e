import { ProgressBar } from '../common/ProgressBar.js';
import { useAppState } from '../control/useAppState.js';

/** The picture that is being tried, or the place for one. */
export function PictureStage() {
  const model = useAppState((state) => state.model);
  const { picture, predictions } = useAppState((state) => state.trial);
  if (picture === null) {
    return (
      <div class="stage empty">
        <p class="stage-note">
          {model === null ? 'Train first, or open a saved model.' : 'Drop or paste a picture here, choose one or use the webcam.'}
        </p>
      </div>
    );
  }
  return (
    <div class="stage">
      <img src={picture.url} alt={picture.name} />
      {predictions === null && model !== null && (
        <div class="stage-progress">
          <ProgressBar label="Looking at the picture" share={null} />
        </div>
      )}
    </div>
  );
}
