import { filesOfInput } from '../../media/index.js';
import { FileButton } from '../../ui/common/FileButton.js';
import { Icon } from '../../ui/common/Icon.js';
import type { Player } from '../player.js';
import type { Model } from '../protocol.js';
import { sharesNow, type State } from '../state.js';
import { Bars } from './Bars.js';
import { LiveStage } from './LiveStage.js';

/** What the model looks at, and beside it what it makes of that. */
export function Show({ player, state, model }: { player: Player; state: State; model: Model }) {
  const { live, shown } = state;
  return (
    <div class="show">
      <div class="card">
        <div class="row">
          <button type="button" class="button grow" aria-label={live ? 'Stop the webcam' : undefined} onClick={() => player.setLive(!live)}>
            <Icon name={live ? 'stop' : 'camera'} /> {live ? 'Stop' : 'Webcam'}
          </button>
          <FileButton kind="button grow" label="Choose pictures" accept="image/*" many onFiles={(files) => player.take(filesOfInput(files))}>
            <Icon name="picture" /> Pictures
          </FileButton>
        </div>
        {live && <LiveStage player={player} />}
        {!live && shown !== null && (
          <div class="stage">
            <img src={shown.url} alt={shown.name} />
          </div>
        )}
        {!live && shown === null && (
          <div class="stage empty">
            <p class="stage-note">Drop or paste pictures anywhere, choose some or use the webcam.</p>
          </div>
        )}
      </div>
      <div class="card">
        <Bars classes={model.classes} shares={sharesNow(state)} live={live} />
      </div>
    </div>
  );
}
