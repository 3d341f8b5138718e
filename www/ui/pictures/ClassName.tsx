import { useState } from 'preact/hooks';
import type { Key } from '../../state/types.js';
import { useApp } from '../control/app.js';

interface ClassNameProps {
  readonly classKey: Key;
  readonly name: string;
  readonly index: number;
}

/** The name, to be changed where it stands: Enter or leaving it keeps the change, Escape does not. */
export function ClassName({ classKey, name, index }: ClassNameProps) {
  const { pictures } = useApp();
  /** What is typed and not kept yet. */
  const [draft, setDraft] = useState<string | null>(null);
  const typed = draft ?? name;
  /** Why a draft was refused. */
  const [refusal, setRefusal] = useState<{ draft: string; problem: string } | null>(null);
  const problem = refusal?.draft === typed ? refusal.problem : null;
  const id = `class-name-${classKey}`;
  const keep = (): void => {
    const refused = pictures.renameClass(classKey, typed);
    if (refused === null) setDraft(null);
    setRefusal(refused === null ? null : { draft: typed, problem: refused });
  };
  return (
    <div class="class-name">
      <input
        id={id}
        value={typed}
        aria-label={`Name of class ${index + 1}`}
        aria-invalid={problem !== null}
        aria-describedby={problem === null ? undefined : `${id}-problem`}
        autocomplete="off"
        spellcheck={false}
        maxLength={60}
        onFocus={(event) => event.currentTarget.select()}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onBlur={keep}
        onKeyDown={(event) => {
          if (event.key === 'Enter') keep();
          else if (event.key === 'Escape') setDraft(null);
        }}
      />
      {problem !== null && (
        <p id={`${id}-problem`} class="problem" role="alert">
          {problem} It is still called “{name}”.
        </p>
      )}
    </div>
  );
}
