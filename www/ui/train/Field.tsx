import type { ComponentChildren } from 'preact';

interface FieldProps {
  readonly id: string;
  readonly label: string;
  /** One plain sentence on what it does. */
  readonly about: string;
  readonly problem?: string | undefined;
  /** The control, with `id` and described by `${id}-about`. */
  readonly children: ComponentChildren;
}

export function Field({ id, label, about, problem, children }: FieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      <p id={`${id}-problem`} class="problem" role="alert">
        {problem}
      </p>
      <p id={`${id}-about`} class="hint">
        {about}
      </p>
    </div>
  );
}
