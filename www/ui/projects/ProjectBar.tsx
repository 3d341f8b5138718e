import { useRef, useState } from 'preact/hooks';
import { keepingInWords, whyNotKept } from '../../state/project.js';
import { Icon } from '../common/Icon.js';
import { lazy } from '../common/lazy.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

const ProjectsDialog = lazy(() => import('./ProjectsDialog.js').then((module) => module.ProjectsDialog));

/** The project's name, whether it is saved, and the way to the others. */
export function ProjectBar() {
  const { projects } = useApp();
  const keeping = useAppState((state) => state.project.keeping);
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="project-bar">
      <ProjectName />
      {/* Not read out: it changes with every picture. What is in the way of saving is. */}
      <p class={`keeping ${keeping}`}>
        {keeping === 'saved' && <Icon name="check" />}
        {keepingInWords(keeping)}
      </p>
      {projects.shelf !== null && (
        <button ref={button} type="button" class="button small" aria-haspopup="dialog" onClick={() => setOpen(true)}>
          <Icon name="folder" /> Projects
        </button>
      )}
      {open && <ProjectsDialog onClose={close} />}
    </div>
  );
}

/** Why the project is not saved, with what can be done. */
export function KeepingProblem() {
  const { projects } = useApp();
  const keeping = useAppState((state) => state.project.keeping);
  const problem = whyNotKept(keeping);
  return (
    <div class="notices" role="status">
      {problem !== null && (
        <div class={keeping === 'elsewhere' || keeping === 'off' ? 'notice info' : 'notice error'}>
          <p>{problem}</p>
          {keeping === 'elsewhere' && (
            <button type="button" class="button small" onClick={() => void projects.copyHere()}>
              Go on with a copy
            </button>
          )}
        </div>
      )}
    </div>
  );
}

/** To be changed where it stands: Enter or leaving it keeps the change, Escape does not. */
function ProjectName() {
  const { projects } = useApp();
  const name = useAppState((state) => state.project.name);
  /** What is typed and not kept yet. */
  const [draft, setDraft] = useState<string | null>(null);
  const typed = draft ?? name;
  const keep = (): void => {
    if (typed.trim() !== '' && typed !== name) projects.rename(typed);
    setDraft(null);
  };
  return (
    <input
      class="project-name"
      value={typed}
      aria-label="Name of the project"
      autocomplete="off"
      spellcheck={false}
      maxLength={80}
      onInput={(event) => setDraft(event.currentTarget.value)}
      onBlur={keep}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
        else if (event.key === 'Escape') setDraft(null);
      }}
    />
  );
}
