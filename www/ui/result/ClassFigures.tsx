import type { ClassMetrics } from '../../headstart.js';
import { percent } from '../../state/words.js';
import { hueOf } from '../common/hue.js';

interface ClassFiguresProps {
  readonly figures: readonly ClassMetrics[];
  /** The classes that they are about, in the same order. */
  readonly ids: readonly (number | null)[];
}

/** Precision and recall, class by class. */
export function ClassFigures({ figures, ids }: ClassFiguresProps) {
  const show = (share: number | null): string => (share === null ? '–' : percent(share));
  return (
    <div class="scroll" role="region" aria-label="Class by class" tabIndex={0}>
      <table class="class-figures">
        <caption>Class by class</caption>
        <thead>
          <tr>
            <th scope="col">Class</th>
            <th scope="col">Precision</th>
            <th scope="col">Recall</th>
            <th scope="col">Pictures</th>
          </tr>
        </thead>
        <tbody>
          {figures.map((each, index) => (
            <tr key={index}>
              <th scope="row" title={each.class} class={hueOf(ids[index] ?? null, index)}>
                <span class="swatch" aria-hidden="true" />
                {each.class}
              </th>
              <td>{show(each.precision)}</td>
              <td>{show(each.recall)}</td>
              <td>{each.support}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hint">Precision: how often it is right when it says so. Recall: how many of the class it finds.</p>
    </div>
  );
}
