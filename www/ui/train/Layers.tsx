import { useEffect, useState } from 'preact/hooks';
import type { LayerReport, TrainConfig } from '../../headstart.js';
import { byStage, describeLayers, stageState, type Stage } from '../../state/layers.js';
import { useApp } from '../control/app.js';
import { messageOf } from '../control/errors.js';
import { useAppState } from '../control/useAppState.js';

/** Typing a number of blocks asks once. */
const QUIET_MS = 200;

/** The table of layers for some settings. */
export function Layers({ config }: { config: Readonly<Partial<TrainConfig>> }) {
  const { training } = useApp();
  const ready = useAppState((state) => state.engine.status === 'ready');
  const classes = useAppState((state) => state.classes.length);
  const [layers, setLayers] = useState<readonly LayerReport[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const question = JSON.stringify(config);
  useEffect(() => {
    if (!ready) return undefined;
    let gone = false;
    const ask = (): void => {
      training.layers(config).then(
        (found) => {
          if (gone) return;
          setLayers(found);
          setProblem(null);
        },
        (error: unknown) => gone || setProblem(messageOf(error)),
      );
    };
    const timer = setTimeout(ask, layers.length === 0 ? 0 : QUIET_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [question, classes, ready, training]);
  if (problem !== null) return <p class="problem">{problem}</p>;
  if (layers.length === 0) return <p class="hint">Asking for the layers…</p>;
  const stages = byStage(layers);
  return (
    <>
      <p class="hint layers-sum">{describeLayers(stages)}</p>
      <div class="scroll layers" role="region" aria-label="Layers" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col">Values</th>
              <th scope="col">Trains?</th>
            </tr>
          </thead>
          {stages.map((stage) => (
            <LayerStage key={stage.name} stage={stage} />
          ))}
        </table>
      </div>
    </>
  );
}

/** A stage of the network and, when it is opened, its layers. */
function LayerStage({ stage }: { stage: Stage }) {
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
