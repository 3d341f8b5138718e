import { useEffect } from 'preact/hooks';
import { filesOfTransfer } from '../../media/index.js';
import { otherBackboneOfModel } from '../../state/backbones.js';
import { FileButton } from '../common/FileButton.js';
import { Icon } from '../common/Icon.js';
import { Notices } from '../common/Notices.js';
import { Step } from '../common/Step.js';
import { useDrop } from '../common/useDrop.js';
import { useApp } from '../control/app.js';
import { report } from '../control/errors.js';
import { useAppState } from '../control/useAppState.js';
import { Bars } from './Bars.js';
import { LiveStage } from './LiveStage.js';
import { ModelFile } from './ModelFile.js';
import { PictureStage } from './PictureStage.js';

/** Step 3: showing the trained model something new. */
export function PredictPanel() {
  const { store, predictor } = useApp();
  const model = useAppState((state) => state.model);
  const otherBackbone = useAppState(otherBackboneOfModel);
  const camera = useAppState((state) => state.camera === 'try');
  const { over, handlers } = useDrop(['Files'], (transfer) => {
    filesOfTransfer(transfer).then(
      ([found]) => found && predictor.tryPicture(found.file),
      (error: unknown) => report(store, 'try', error),
    );
  });
  // A model that was trained or opened meanwhile is asked about the picture that is still shown.
  useEffect(() => void predictor.again(), [model, predictor]);
  const target = (): void => store.dispatch({ type: 'target-chosen', target: 'try' });
  return (
    <Step id="try" number={3} title="Try it" lead="Show it something new and see what it makes of it.">
      <div class={over ? 'card over' : 'card'} {...handlers} onFocusIn={target} onPointerDown={target}>
        <div class="row">
          <button
            type="button"
            class="button grow"
            aria-label={camera ? 'Stop the webcam' : 'Webcam to try it with'}
            disabled={model === null}
            onClick={() => store.dispatch({ type: 'camera-given', to: camera ? null : 'try' })}
          >
            <Icon name="camera" /> {camera ? 'Stop' : 'Webcam'}
          </button>
          <FileButton
            kind="button grow"
            label="Choose file to try"
            accept="image/*"
            disabled={model === null}
            onFiles={([file]) => file && void predictor.tryPicture(file)}
          >
            <Icon name="picture" /> Choose file
          </FileButton>
        </div>
        <Notices area="try" />
        {camera ? <LiveStage /> : <PictureStage />}
        <Bars />
        {otherBackbone !== null && <p class="hint">This model was trained on {otherBackbone} and goes on using it.</p>}
      </div>
      <ModelFile />
    </Step>
  );
}
