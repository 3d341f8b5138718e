import type { SettingName } from '../../state/setting-rules.js';

interface BlockCountProps {
  readonly value: string;
  readonly most: number;
  readonly problem: string | undefined;
  readonly onChange: (name: SettingName, text: string) => void;
}

/** How many blocks train, counted from the end of the network. */
export function BlockCount({ value, most, problem, onChange }: BlockCountProps) {
  return (
    <div class="block-count">
      <label for="stages">How many blocks</label>
      <input
        type="number"
        id="stages"
        min={1}
        max={most}
        step={1}
        value={value}
        aria-invalid={problem !== undefined}
        aria-describedby="stages-problem"
        onInput={(event) => onChange('stages', event.currentTarget.value)}
      />
      <p id="stages-problem" class="problem" role="alert">
        {problem}
      </p>
    </div>
  );
}
