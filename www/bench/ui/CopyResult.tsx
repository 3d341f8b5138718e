import { useState } from 'preact/hooks';
import type { Outcome } from '../measure.js';
import { asJson, asMarkdown, type Circumstances } from '../result.js';

interface CopyResultProps {
  about: Circumstances;
  outcomes: readonly Outcome[];
}

/** Also while it is measured: what there is until then is a result too. */
export function CopyResult({ about, outcomes }: CopyResultProps) {
  const [said, setSaid] = useState('');
  const [text, setText] = useState<string | null>(null);
  const copy = async (what: string, content: string): Promise<void> => {
    try {
      await navigator.clipboard.writeText(content);
      setSaid(`Copied as ${what}.`);
      setText(null);
    } catch {
      setSaid('The browser does not let this page copy. Take it from here:');
      setText(content);
    }
  };
  return (
    <section class="card" aria-label="Take the result along">
      <div class="row">
        <button type="button" class="button" onClick={() => void copy('Markdown', asMarkdown(about, outcomes))}>
          Copy result
        </button>
        <button type="button" class="button" onClick={() => void copy('JSON', asJson(about, outcomes))}>
          Copy as JSON
        </button>
        <p class="hint copied" role="status">
          {said}
        </p>
      </div>
      {text !== null && <textarea readOnly rows={8} aria-label="The result" value={text} onFocus={({ currentTarget }) => currentTarget.select()} />}
    </section>
  );
}
