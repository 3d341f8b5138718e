import { useEffect, useState } from 'preact/hooks';
import { countPictures } from '../state/classes.js';
import { isActive, overallOf } from '../state/run.js';
import type { AppState } from '../state/types.js';
import { percent } from '../state/words.js';
import { useAppState } from './control/useAppState.js';

const STEPS: readonly { id: string; title: string; note: (state: AppState) => string }[] = [
  { id: 'pictures', title: 'Pictures', note: (state) => String(countPictures(state.classes) || '') },
  { id: 'train', title: 'Train', note: (state) => (isActive(state.run) ? percent(overallOf(state.run)) : '') },
  { id: 'try', title: 'Try it', note: () => '' },
];

/** On a phone, where the three steps are one long page: jumps between them and shows where one is. */
export function StepNav() {
  const [current, setCurrent] = useState('pictures');
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) if (entry.isIntersecting) setCurrent(entry.target.id);
      },
      // The step that crosses the middle of the screen.
      { rootMargin: '-45% 0px -45% 0px' },
    );
    for (const { id } of STEPS) {
      const element = document.getElementById(id);
      if (element) observer.observe(element);
    }
    return () => observer.disconnect();
  }, []);
  return (
    <nav class="step-nav" aria-label="Steps">
      {STEPS.map((step, index) => (
        <StepLink key={step.id} {...step} number={index + 1} current={step.id === current} />
      ))}
    </nav>
  );
}

interface StepLinkProps {
  readonly id: string;
  readonly title: string;
  readonly number: number;
  readonly current: boolean;
  readonly note: (state: AppState) => string;
}

function StepLink({ id, title, number, current, note }: StepLinkProps) {
  const text = useAppState(note);
  return (
    <a href={`#${id}`} aria-current={current ? 'step' : undefined}>
      <span class="step-number" aria-hidden="true">
        {number}
      </span>
      <span>{title}</span>
      {text !== '' && <span class="step-note">{text}</span>}
    </a>
  );
}
