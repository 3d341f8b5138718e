import type { TrainReport } from '../../headstart.js';
import { isTakenUp, mistakesInWords, whatChangedSince, whyNoMistakes } from '../../state/mistakes.js';
import type { RunState } from '../../state/types.js';
import { percent } from '../../state/words.js';
import { useAppState } from '../control/useAppState.js';
import type { ShownMistakes } from '../control/model.js';

interface PrintedMistakesProps {
  readonly run: RunState;
  readonly report: TrainReport;
  /** `unasked` before anybody has looked for them, null where they could not be had. */
  readonly mistakes: ShownMistakes | null | 'unasked';
}

/** The pictures that were taken for something else, on paper only. */
export function PrintedMistakes({ run, report, mistakes }: PrintedMistakesProps) {
  const hasModel = useAppState((state) => state.model !== null);
  const none = whyNoMistakes(report, run, hasModel);
  const isBusy = useAppState(isTakenUp);
  const found = none !== null || mistakes === 'unasked' ? null : mistakes;
  const changed = found && whatChangedSince(run);
  return (
    <section class="printed-mistakes" aria-labelledby="mistakes-title">
      <h4 id="mistakes-title" class="table-title">Mistaken pictures</h4>
      <p>{none ?? (found !== null ? mistakesInWords(found, report) : mistakes === null ? NOT_HAD : isBusy ? BUSY : UNASKED)}</p>
      {changed !== null && <p>{changed}</p>}
      <ul>
        {found?.surest.map(({ key, name, actual, said, probability, thumbnail }) => (
          <li key={key}>
            {thumbnail === null ? <span class="no-thumbnail" /> : <img src={thumbnail} alt="" />}
            <p>
              <strong>{actual}</strong> taken for <strong>{said}</strong>, {percent(probability)}
            </p>
            <p class="hint">{name}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

const UNASKED = 'They are here when it is printed with “Print the result” on the page, or with Ctrl+P.';
const BUSY = 'The model was busy with something else when this was printed. They are here when it is printed after that.';
const NOT_HAD = 'They could not be had when this was printed.';
