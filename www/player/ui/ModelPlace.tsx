import { bytes } from '../../state/words.js';
import { FileButton } from '../../ui/common/FileButton.js';
import { Icon } from '../../ui/common/Icon.js';
import { ProgressBar } from '../../ui/common/ProgressBar.js';
import type { Player } from '../player.js';
import type { Progress } from '../protocol.js';
import type { ModelState } from '../state.js';

/** What stands in the place of the model until there is one: how far it is, or why there is none and the ways on. */
export function ModelPlace({ player, state }: { player: Player; state: Exclude<ModelState, { status: 'ready' }> }) {
  if (state.status === 'loading') {
    const { share, text } = wordsOf(state.progress);
    return (
      <div class="card">
        <ProgressBar label="Opening the model" share={share} text={text} />
      </div>
    );
  }
  return (
    <div class="card">
      <div class="notice error" role="alert">
        <p>{state.problem}</p>
      </div>
      <p>Try again, or choose the file of a model: a zip, as Headstart saves it. It can also be dropped here.</p>
      <div class="row">
        <button type="button" class="button" onClick={() => void player.retry()}>
          Try again
        </button>
        <FileButton kind="button primary" accept=".zip,application/zip" onFiles={([file]) => file && void player.open(file)}>
          <Icon name="zip" /> Choose a model
        </FileButton>
      </div>
    </div>
  );
}

function wordsOf(progress: Progress | null): { share: number | null; text: string } {
  if (progress === null) return { share: null, text: 'Starting' };
  const { doing, done, total } = progress;
  if (doing === 'preparing') return { share: null, text: 'Preparing the model' };
  if (total === null) return { share: null, text: `Fetching the model: ${bytes(done)}` };
  return { share: Math.min(1, done / total), text: `Fetching the model: ${bytes(done)} of ${bytes(total)}` };
}
