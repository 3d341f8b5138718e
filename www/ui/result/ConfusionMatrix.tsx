interface ConfusionMatrixProps {
  readonly classes: readonly string[];
  /** By actual class, then by predicted class. */
  readonly matrix: readonly (readonly number[])[];
}

const HEATS = 5;

/** More columns are narrow on paper. */
const FEW = 6;

/** What was taken for what, the darker the more. */
export function ConfusionMatrix({ classes, matrix }: ConfusionMatrixProps) {
  return (
    <div class="scroll" role="region" aria-label="What was taken for what" tabIndex={0}>
      <p id="confusion-title" class="table-title">
        What was taken for what
      </p>
      <table class={classes.length > FEW ? 'confusion many' : 'confusion'} style={{ '--columns': String(classes.length) }} aria-labelledby="confusion-title" aria-describedby="confusion-about">
        <thead>
          <tr>
            <td />
            {/* By place: a class that was deleted may share its name with another. */}
            {classes.map((name, index) => (
              <th key={index} scope="col" title={name}>
                <span>{name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {matrix.map((row, actual) => (
            <tr key={actual}>
              <th scope="row" title={classes[actual]}>
                <span>{classes[actual]}</span>
              </th>
              {row.map((number, predicted) => (
                <td key={predicted} class={`${actual === predicted ? 'right' : 'wrong'} heat-${heat(number, row)}`}>
                  {number}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p id="confusion-about" class="hint">
        A row for each true class, a column for each answer; the darker, the more of the row.
      </p>
    </div>
  );
}

/** From 0 for none to 5 for all of the true class. */
function heat(number: number, row: readonly number[]): number {
  const all = row.reduce((sum, each) => sum + each, 0);
  return all === 0 ? 0 : Math.ceil((HEATS * number) / all);
}
