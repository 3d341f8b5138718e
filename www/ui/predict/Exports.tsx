import { useState } from 'preact/hooks';
import type { ExportFormat } from '../../headstart.js';
import { Icon } from '../common/Icon.js';
import { useApp } from '../control/app.js';

/** What a model can be exported for, each with what it is good for. */
const FORMATS: readonly { format: ExportFormat; name: string; about: string }[] = [
  { format: 'page', name: 'A page of its own', about: 'A small site that tells pictures apart, with the camera and with files, also without a network.' },
  { format: 'onnx', name: 'ONNX', about: 'For Python, JavaScript, C# and more: pictures in, names and probabilities out, prepared as they are here.' },
  { format: 'tfjs', name: 'TensorFlow.js', about: 'A graph for web pages: pictures in, probabilities out, prepared as they are here.' },
  {
    format: 'teachable-machine',
    name: 'Teachable Machine and ml5',
    about: 'Works where a model of Teachable Machine works. Its library prepares pictures in a way of its own, so answers differ a little.',
  },
  { format: 'timm', name: 'timm and transformers', about: 'For PyTorch: the network with your classes. Linear heads only.' },
];

/** Taking the model elsewhere. */
export function Exports({ disabled }: { disabled: boolean }) {
  const { models } = useApp();
  const [format, choose] = useState<ExportFormat>('page');
  const chosen = FORMATS.find((each) => each.format === format);
  return (
    <>
      <label class="export">
        Export for
        <select value={format} aria-describedby="export-about" onChange={(event) => choose(event.currentTarget.value as ExportFormat)}>
          {FORMATS.map(({ format, name }) => (
            <option key={format} value={format}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <p id="export-about" class="hint">
        {chosen?.about} {format !== 'page' && 'With five drawn pictures to check it with; none of yours is in it.'}
      </p>
      <div class="row">
        <button type="button" class="button grow" disabled={disabled} onClick={() => void models.export(format)}>
          <Icon name="down" /> Export
        </button>
      </div>
    </>
  );
}
