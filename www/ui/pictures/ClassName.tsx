import { useEffect, useState } from 'preact/hooks';
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
  const [typed, setTyped] = useState(name);
  const [problem, setProblem] = useState<string | null>(null);
  const id = `class-name-${classKey}`;
  useEffect(() => {
    setTyped(name);
    setProblem(null);
  }, [name]);
  const keep = (): void => {
    const refused = pictures.renameClass(classKey, typed);
    setProblem(refused);
    setTyped(refused === null ? typed.trim() : typed);
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
        onInput={(event) => setTyped(event.currentTarget.value)}
        onBlur={keep}
        onKeyDown={(event) => {
          if (event.key === 'Enter') keep();
          if (event.key !== 'Escape') return;
          setTyped(name);
          setProblem(null);
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
