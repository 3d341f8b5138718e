import { useEffect, useRef, useState } from 'preact/hooks';

/** Nobody can listen faster, and each text would cut off the one before. */
const EVERY_MS = 4000;

/**
 * Reads out a text that may change many times a second: at once, then at most every few seconds, and always what it is in the end.
 * It is shown by somebody else.
 */
export function Spoken({ text }: { text: string }) {
  const [said, setSaid] = useState(text);
  const last = useRef(-Infinity);
  useEffect(() => {
    if (text === said) return undefined;
    const say = (): void => {
      last.current = performance.now();
      setSaid(text);
    };
    const timer = setTimeout(say, Math.max(0, last.current + EVERY_MS - performance.now()));
    return () => clearTimeout(timer);
  }, [text, said]);
  return (
    <p class="visually-hidden" role="status">
      {said}
    </p>
  );
}
