import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { CameraInfo } from '../../client/camera.js';

interface CameraChoiceProps {
  readonly cameras: readonly CameraInfo[];
  /** The one that is open. */
  readonly id: string | undefined;
  readonly onChoose: (id: string) => void;
  readonly children?: ComponentChildren;
}

/** Which camera, where there are several. */
export function CameraChoice({ cameras, id, onChoose, children }: CameraChoiceProps) {
  const pickerId = useId();
  if (cameras.length < 2) return null;
  return (
    <div class="camera-choice">
      <label for={pickerId}>Camera</label>
      <select id={pickerId} value={id} onChange={(event) => onChoose(event.currentTarget.value)}>
        {cameras.map(({ id, label }) => (
          <option key={id} value={id}>
            {label}
          </option>
        ))}
      </select>
      {children}
    </div>
  );
}
