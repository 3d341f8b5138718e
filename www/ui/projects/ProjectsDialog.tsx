import { useEffect, useRef, useState } from 'preact/hooks';
import { bytes } from '../../state/words.js';
import type { ProjectRecord } from '../../storage/database.js';
import { NEVER_WHOLE, type Room } from '../../storage/shelf.js';
import { FileButton } from '../common/FileButton.js';
import { Icon } from '../common/Icon.js';
import { useApp } from '../control/app.js';
import { download } from '../control/download.js';
import { useAppState } from '../control/useAppState.js';
import { ProjectRow, type Attempt } from './ProjectRow.js';

function save(file: File): void {
  download(file, file.name);
}

/** All projects on this device. */
export function ProjectsDialog({ onClose }: { onClose: () => void }) {
  const { projects } = useApp();
  const present = useAppState((state) => state.project.id);
  const dialog = useRef<HTMLDialogElement>(null);
  const [all, setAll] = useState<readonly ProjectRecord[] | null>(null);
  const [room, setRoom] = useState<Room | null>(null);
  const [progress, setProgress] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  /** The one that something was done with last. */
  const latest = useRef<string | null>(null);
  const refresh = async (): Promise<void> => {
    setAll(await projects.list());
    setRoom(await projects.room());
  };
  const show = (what: string) => (done: number, total: number): void => setProgress(done < total ? `${what}: ${done} of ${total} pictures` : '');
  const attempt = (work: () => Promise<void>, id: string | null = null): void => {
    latest.current = id;
    setProblem(null);
    work()
      .then(refresh)
      .finally(() => setProgress(''))
      .catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)));
  };
  useEffect(() => {
    dialog.current?.showModal();
    attempt(async () => undefined);
  }, []);
  useEffect(() => {
    // What had the focus has gone from its list: it goes on where that project is now.
    if (all === null || document.activeElement !== document.body) return;
    const there = document.getElementById(`project-${latest.current}`)?.querySelector('button');
    (there ?? document.getElementById('projects-title'))?.focus();
  }, [all]);
  const shown = all?.filter(({ deleted }) => deleted === null) ?? [];
  const deleted = all?.filter((each) => each.deleted !== null && each.deleted !== NEVER_WHOLE) ?? [];
  return (
    <dialog ref={dialog} class="projects" aria-labelledby="projects-title" onClose={onClose}>
      <div class="projects-head">
        <h2 id="projects-title" tabIndex={-1}>Projects on this device</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </div>
      {problem !== null && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="row">
        <button type="button" class="button dashed grow" onClick={() => attempt(() => projects.startNew())}>
          <Icon name="plus" /> New project
        </button>
        <FileButton kind="button dashed grow" accept=".headstart,.zip" onFiles={([file]) => file && attempt(() => projects.openFile(file, show('Opening')))}>
          <Icon name="up" /> Open a project file
        </FileButton>
        {present !== null && (
          <button type="button" class="button dashed grow" onClick={() => attempt(async () => save(await projects.toFile(show('Saving'))))}>
            <Icon name="down" /> Save this one as a file
          </button>
        )}
      </div>
      <p class="hint" role="status">
        {progress}
      </p>
      <ul class="project-list">
        {shown.map((each) => (
          <ProjectRow key={each.id} project={each} present={each.id === present} attempt={attempt} />
        ))}
      </ul>
      {all !== null && shown.length === 0 && <p class="hint">There is none yet: what you add to the page is kept here by itself.</p>}
      {deleted.length > 0 && <Deleted projects={deleted} attempt={attempt} />}
      <Device room={room} attempt={attempt} />
    </dialog>
  );
}

function Deleted({ projects: deleted, attempt }: { projects: readonly ProjectRecord[]; attempt: Attempt }) {
  const { projects } = useApp();
  return (
    <section aria-labelledby="deleted-title">
      <h3 id="deleted-title">Deleted, kept for a day</h3>
      <ul class="deleted-list">
        {deleted.map(({ id, name }) => (
          <li key={id} id={`project-${id}`}>
            <span>{name}</span>
            <button type="button" class="button small" aria-label={`Bring back ${name}`} onClick={() => attempt(() => projects.bringBack(id), id)}>
              Bring back
            </button>
            <button type="button" class="button small" aria-label={`Delete ${name} for good`} onClick={() => attempt(() => projects.forget(id), id)}>
              Delete for good
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What is used of the device, and the way to leave nothing behind. */
function Device({ room, attempt }: { room: Room | null; attempt: Attempt }) {
  const { projects } = useApp();
  const [asking, setAsking] = useState(false);
  return (
    <div class="projects-foot">
      <p class="hint">
        {room !== null && `${bytes(room.used)} used, ${bytes(room.left)} left. `}
        Nothing of it leaves this device.
      </p>
      {asking ? (
        <div class="row" role="group" aria-label="Forget everything?">
          <p class="problem">All projects, pictures, models and settings of this page go from this device, for good.</p>
          <button type="button" class="button danger" onClick={() => attempt(() => projects.forgetEverything())}>
            Forget everything
          </button>
          <button type="button" class="button" autofocus onClick={() => setAsking(false)}>
            Keep it all
          </button>
        </div>
      ) : (
        <button type="button" class="button small quiet" onClick={() => setAsking(true)}>
          Forget everything on this device…
        </button>
      )}
    </div>
  );
}
