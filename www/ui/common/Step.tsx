import type { ComponentChildren } from 'preact';

interface StepProps {
  readonly id: string;
  readonly number: number;
  readonly title: string;
  readonly lead: string;
  readonly children: ComponentChildren;
}

/** One of the three columns. */
export function Step({ id, number, title, lead, children }: StepProps) {
  return (
    <section id={id} class="step" aria-labelledby={`${id}-title`}>
      <header class="step-head">
        <span class="step-number" aria-hidden="true">
          {number}
        </span>
        <div>
          <h2 id={`${id}-title`}>{title}</h2>
          <p>{lead}</p>
        </div>
      </header>
      {children}
    </section>
  );
}
