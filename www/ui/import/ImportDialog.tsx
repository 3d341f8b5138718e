import { useLayoutEffect, useRef } from 'preact/hooks';
import { countWanted, type ImportSummary } from '../../state/import.js';
import { count, forTesting } from '../../state/words.js';
import { ProgressBar } from '../common/ProgressBar.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { ClassChoice } from './ClassChoice.js';
import { LeftOut } from './LeftOut.js';

/** What would come in, and the question whether it should. Escape says no. */
export function ImportDialog() {
  const { importer } = useApp();
  const shown = useAppState((state) => state.import);
  const root = useRef<HTMLDialogElement>(null);
  const title = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    const dialog = root.current;
    dialog?.showModal();
    // Read from its top.
    title.current?.focus();
    // It gives the focus back to what had it.
    return () => dialog?.close();
  }, []);
  if (shown === null || shown.status === 'adding') return null;
  const summary = shown.status === 'ready' ? shown.summary : null;
  const wanted = summary === null ? 0 : countWanted(summary);
  return (
    <dialog
      ref={root}
      class="import-dialog"
      aria-labelledby="import-title"
      onCancel={(event) => {
        event.preventDefault();
        importer.cancel();
      }}
    >
      <h2 ref={title} id="import-title" tabIndex={-1}>
        Import {summary?.title ?? (shown.status === 'looking' ? shown.title : '')}
      </h2>
      <div class="import-body" role="group" aria-label="What would come in" tabIndex={0}>
        {shown.status === 'looking' ? <Looking done={shown.done} total={shown.total} /> : <Summary summary={shown.summary} />}
      </div>
      <p class="visually-hidden" role="status">
        {summary === null ? 'Looking through the files.' : said(summary)}
      </p>
      <div class="row import-buttons">
        <button type="button" class="button grow" onClick={() => importer.cancel()}>
          Cancel
        </button>
        <button type="button" class="button primary grow" disabled={wanted === 0} onClick={() => void importer.start()}>
          {wanted === 0 ? 'Import' : `Import ${count(wanted, 'picture')}`}
        </button>
      </div>
    </dialog>
  );
}

function said(summary: ImportSummary): string {
  const classes = summary.classes.filter(({ wanted }) => wanted).length;
  return `${count(countWanted(summary), 'picture')} in ${count(classes, 'class', 'classes')}`;
}

function Looking({ done, total }: { readonly done: number; readonly total: number }) {
  const text = total === 0 ? 'Looking through the files' : `Looking through the files: ${done} of ${total}`;
  return <ProgressBar label="Looking through the files" share={total === 0 ? null : done / total} text={text} />;
}

function Summary({ summary }: { readonly summary: ImportSummary }) {
  const { importer } = useApp();
  const { equals, present, withEquals, tests, remarks, leftOut } = summary;
  return (
    <>
      <p>{said(summary)}.</p>
      <ClassChoice classes={summary.classes} />
      {equals > 0 && (
        <label class="import-choice">
          <input type="checkbox" checked={withEquals} onChange={(event) => importer.wantEquals(event.currentTarget.checked)} />
          <span>
            Also {count(equals, 'duplicate')}
            <small>{whatEquals(equals, present)}</small>
          </span>
        </label>
      )}
      {tests.map(({ folder, count: pictures }) => (
        <p key={folder} class="notice">
          {forTesting(pictures, [folder])}
        </p>
      ))}
      {remarks.map((remark) => (
        <p key={remark} class="notice warning">
          {remark}
        </p>
      ))}
      {leftOut.length > 0 && <LeftOut groups={leftOut} />}
    </>
  );
}

function whatEquals(equals: number, present: number): string {
  if (present === 0) return equals === 1 ? 'The same file is there more than once.' : 'The same files are there more than once.';
  if (present === equals) return equals === 1 ? 'It is in your classes already.' : 'They are in your classes already.';
  return `${present.toLocaleString('en')} of them in your classes already, the others more than once in what you add.`;
}
