import { useState } from 'preact/hooks';
import { stageState, type Stage } from '../../state/layers.js';

/** A stage of the network and, when it is opened, its layers. */
export function LayerStage({ stage }: { stage: Stage }) {
  // What trains is what one looks for.
  const [open, setOpen] = useState<boolean | null>(null);
  const shown = open ?? stage.trainable > 0;
  return (
    <tbody class={stage.trainable > 0 ? 'stage-trains' : undefined}>
      <tr class="stage-row">
        <th scope="rowgroup">
          <button type="button" class="stage-toggle" aria-expanded={shown} onClick={() => setOpen(!shown)}>
            {stage.name}
          </button>
        </th>
        <td>{stage.parameters.toLocaleString('en')}</td>
        <td>{stageState(stage)}</td>
      </tr>
      {shown &&
        stage.layers.map((layer) => (
          <tr key={layer.name}>
            <th scope="row">
              {layer.name}
              <span class="layer-kind">
                {layer.kind}, {layer.shape.length === 0 ? '1' : layer.shape.join(' × ')}
              </span>
            </th>
            <td>{layer.parameters.toLocaleString('en')}</td>
            <td>
              {layer.trainable ? 'Yes' : 'No'}
              <span class="layer-reason">{layer.reason}</span>
            </td>
          </tr>
        ))}
    </tbody>
  );
}
