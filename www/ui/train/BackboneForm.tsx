import { useEffect, useState } from 'preact/hooks';
import { whyNotCompute } from '../../state/backbone-words.js';
import { idInUse } from '../../state/backbones.js';
import { FileButton } from '../common/FileButton.js';
import { Icon } from '../common/Icon.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { BackboneOption } from './BackboneOption.js';

/** The backbones that there are. Choosing one shows what it is; taking it is a button of its own, as that can take its time. */
export function BackboneForm() {
  const { picker } = useApp();
  const { list, problem, choices } = useAppState((state) => state.backbones);
  const inUse = useAppState(idInUse);
  const [looked, setLooked] = useState<string | null>(null);
  useEffect(() => void picker.list(), [picker]);
  // One from the disk is looked at as soon as it is there.
  useEffect(() => setLooked(null), [inUse]);
  return (
    <div class="backbone-form">
      <p class="hint">
        The network that turns each picture into features, trained by others on many pictures. A larger one tells finer differences apart and
        takes longer for each picture. Your classes and pictures stay when you change it.
      </p>
      {list === 'asking' && choices.length === 0 && <p class="hint">Asking which there are…</p>}
      {list === 'failed' && (
        <div class="notice error" role="alert">
          <p>{problem}</p>
          <button type="button" class="button small" onClick={() => void picker.list()}>
            Ask again
          </button>
        </div>
      )}
      {choices.length > 0 && (
        <fieldset class="choices">
          <legend class="visually-hidden">Backbones</legend>
          {choices.map((choice) => (
            <BackboneOption key={choice.id} choice={choice} looked={choice.id === (looked ?? inUse)} onLook={() => setLooked(choice.id)} />
          ))}
        </fieldset>
      )}
      <EightBits />
      <div class="backbone-files">
        <FileButton
          many
          kind="button dashed"
          onFiles={(files) => void picker.takeFiles(files.map((file) => ({ file, folders: [] })))}
        >
          <Icon name="folder" /> Use your own
        </FileButton>
        <p class="hint">
          Choose <code>model.safetensors</code> and its <code>config.json</code>, as timm publishes them, or drop them here. They stay on this device,
          like your pictures.
        </p>
      </div>
    </div>
  );
}

/** What the backbone in use computes in. */
function EightBits() {
  const { picker } = useApp();
  const on = useAppState(({ engine }) => engine.backbone?.arithmetic === 'int8');
  const reason = useAppState(whyNotCompute);
  return (
    <div class="eight-bits">
      <label>
        <input
          type="checkbox"
          checked={on}
          aria-disabled={reason !== null}
          aria-describedby="eight-bits-about"
          onClick={(event) => {
            // It is checked once the trainer computes so.
            event.preventDefault();
            void picker.compute(on ? 'float' : 'int8');
          }}
        />{' '}
        Compute in 8 bits
      </label>
      <p id="eight-bits-about" class="hint">
        Up to twice as fast on the CPU with a large backbone, and hardly less exact; a GPU is not used for it. Your pictures are prepared once
        more. What is fine-tuned stays in full precision. {reason}
      </p>
    </div>
  );
}
