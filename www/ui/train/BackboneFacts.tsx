import { describeChangeTo, describeCost, factsOf, whyNotNow, whyNotTake } from '../../state/backbone-words.js';
import type { BackboneChoice } from '../../state/backbone-types.js';
import { engineOf } from '../../state/engine-words.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

interface BackboneFactsProps {
  readonly choice: BackboneChoice;
  readonly inUse: boolean;
}

/** Everything that is known of a backbone, measuring it and taking it. */
export function BackboneFacts({ choice, inUse }: BackboneFactsProps) {
  const { picker } = useApp();
  const { id } = choice;
  const limits = useAppState((state) => (inUse ? (state.engine.backbone?.fineTuneReason ?? null) : null));
  const reason = useAppState((state) => whyNotTake(state, id));
  // The bar with the way back may be out of sight.
  const change = useAppState((state) => describeChangeTo(state, id));
  return (
    <div class="backbone-facts">
      <dl>
        {factsOf(choice).map(({ term, text }) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{text}</dd>
          </div>
        ))}
        <div>
          <dt>Adding a picture</dt>
          <dd>
            <Cost id={id} />
          </dd>
        </div>
        {limits !== null && (
          <div>
            <dt>Fine-tuning</dt>
            <dd>{limits}</dd>
          </div>
        )}
      </dl>
      <button
        type="button"
        class="button"
        aria-disabled={reason !== null}
        aria-describedby={`backbone-${id}-reason`}
        onClick={() => {
          if (reason === null) void picker.take(id);
        }}
      >
        {inUse ? 'In use' : 'Use this one'}
      </button>
      <p id={`backbone-${id}-reason`} class={inUse && change === null ? 'visually-hidden' : 'hint'}>
        {change ?? reason}
      </p>
    </div>
  );
}

/** What a picture takes on it here: nobody knows before it is measured. */
function Cost({ id }: { id: string }) {
  const { picker } = useApp();
  const cost = useAppState((state) => state.backbones.costs[id]);
  const engine = useAppState((state) => engineOf(state.engine.report, 'embedding'));
  const reason = useAppState(whyNotNow);
  const measuring = cost?.status === 'measuring';
  return (
    <>
      <span role="status">{describeCost(cost, engine)}</span>{' '}
      <button
        type="button"
        class="button small"
        aria-disabled={reason !== null || measuring}
        aria-describedby={`backbone-${id}-wait`}
        onClick={() => void picker.measure(id)}
      >
        {cost === undefined || measuring ? 'Measure' : 'Measure again'}
      </button>
      <span id={`backbone-${id}-wait`} class="hint">
        {reason}
      </span>
    </>
  );
}
