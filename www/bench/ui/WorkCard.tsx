import { short } from '../figures.js';
import type { Outcome } from '../measure.js';
import { ordered, ratioOf, ratioShown } from '../result.js';
import { BarChart } from './BarChart.js';

/** What came of a work: the bars, and the same as a table. */
export function WorkCard({ outcome }: { outcome: Outcome }) {
  const { work, taken, failures } = outcome;
  const rows = ordered(outcome);
  const title = `work-${work.id}`;
  return (
    <section class="card" aria-labelledby={title}>
      <div>
        <h2 id={title}>{work.title}</h2>
        <p class="hint">{work.about}</p>
      </div>
      {rows.length > 0 && (
        <>
          <BarChart title={work.title} unit={work.unit} bars={rows.map(({ name, ours, median }) => ({ name, ours, value: median }))} />
          <table>
            <thead>
              <tr>
                <th scope="col">Who</th>
                <th scope="col">Median, quartiles</th>
                <th scope="col">To the fastest of ours</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((each) => (
                <tr key={each.name}>
                  <th scope="row">{each.name}</th>
                  <td>
                    {short(each.median)} {work.unit}
                    <span class="hint">{each.all.length === 1 ? 'once' : each.quartiles.map(short).join('–')}</span>
                  </td>
                  <td>{ratioShown(ratioOf(outcome, each))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      {failures.map(({ name, reason }) => (
        <p key={name} class="problem">
          {name} was not measured: {reason}
        </p>
      ))}
      {taken.length === 0 && failures.length === 0 && <p>Nobody that was chosen can do this.</p>}
    </section>
  );
}
