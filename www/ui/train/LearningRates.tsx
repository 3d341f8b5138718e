import type { GroupRate } from '../../headstart.js';

/** How fast each part learns at the moment, for those who want to know. */
export function LearningRates({ rates }: { rates: readonly GroupRate[] }) {
  if (rates.length === 0) return null;
  return (
    <details class="rates">
      <summary>Learning rates</summary>
      <ul>
        {rates.map(({ group, rate }) => (
          <li key={group}>
            {group} <span>{Number(rate.toPrecision(2))}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
