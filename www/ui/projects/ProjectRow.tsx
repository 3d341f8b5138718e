import { useEffect, useState } from 'preact/hooks';
import { count } from '../../state/words.js';
import type { ProjectRecord } from '../../storage/database.js';
import { useApp } from '../control/app.js';

/** Does something, with one project or with all, and shows what comes of it. */
export type Attempt = (work: () => Promise<void>, id?: string) => void;

interface ProjectRowProps {
  readonly project: ProjectRecord;
  /** Whether it is the one on the page. */
  readonly present: boolean;
  readonly attempt: Attempt;
}

/** One project of the list. */
export function ProjectRow({ project, present, attempt }: ProjectRowProps) {
  const { projects } = useApp();
  const [renaming, setRenaming] = useState(false);
  const { id, name, classes, pictures, trained } = project;
  const rename = (to: string): void => {
    setRenaming(false);
    attempt(() => projects.renameOther(id, to), id);
  };
  return (
    <li id={`project-${id}`} class={present ? 'project present' : 'project'} aria-label={name}>
      <Covers project={project} />
      <div class="project-about">
        {renaming ? (
          <input
            class="project-name"
            aria-label={`New name of ${name}`}
            defaultValue={name}
            maxLength={80}
            ref={(element) => void element?.focus()}
            onBlur={(event) => rename(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') event.currentTarget.blur();
              if (event.key !== 'Escape') return;
              // Not the dialog.
              event.preventDefault();
              // Leaving the field keeps what is in it.
              event.currentTarget.value = name;
              setRenaming(false);
            }}
          />
        ) : (
          <p class="project-title">{name}</p>
        )}
        <p class="hint">
          {count(classes, 'class', 'classes')}, {count(pictures, 'picture')}, {trained ? 'trained' : 'not trained yet'}
          <br />
          {present ? 'On the page now' : `Changed ${new Date(project.changed).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}`}
        </p>
      </div>
      <div class="row">
        {!present && (
          <button type="button" class="button small primary" aria-label={`Open ${name}`} onClick={() => attempt(() => projects.open(id))}>
            Open
          </button>
        )}
        <button type="button" class="button small" aria-label={`Rename ${name}`} onClick={() => setRenaming(true)}>
          Rename
        </button>
        <button type="button" class="button small" aria-label={`Duplicate ${name}`} onClick={() => attempt(() => projects.duplicate(id), id)}>
          Duplicate
        </button>
        <button type="button" class="button small" aria-label={`Delete ${name}`} onClick={() => attempt(() => projects.remove(id), id)}>
          Delete
        </button>
      </div>
    </li>
  );
}

/** The first picture of each class. */
function Covers({ project }: { project: ProjectRecord }) {
  const { projects } = useApp();
  const [urls, setUrls] = useState<readonly string[]>([]);
  useEffect(() => {
    let gone = false;
    projects.covers(project).then(
      (made) => {
        if (!gone) setUrls(made);
      },
      // It does without.
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [project]);
  return (
    <div class="covers" aria-hidden="true">
      {urls.map((url, index) => (
        // Two classes can have the same picture.
        <img key={index} src={url} alt="" />
      ))}
    </div>
  );
}
