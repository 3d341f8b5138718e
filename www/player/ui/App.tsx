import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { filesOfTransfer } from '../../media/index.js';
import { FileButton } from '../../ui/common/FileButton.js';
import { useDrop } from '../../ui/common/useDrop.js';
import type { Player } from '../player.js';
import type { Item } from '../state.js';
import { Header } from './Header.js';
import { ModelPlace } from './ModelPlace.js';
import { Notice } from './Notice.js';
import { Pictures } from './Pictures.js';
import { Show } from './Show.js';

/** The whole page. Files are taken wherever they are dropped or pasted. */
export function App({ player }: { player: Player }) {
  const [state, setState] = useState(player.state);
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    // What happened before anybody listened.
    setState(player.state);
    return player.subscribe(() => setState(player.state));
  }, [player]);
  const takeTransfer = (transfer: DataTransfer): void => void filesOfTransfer(transfer).then(player.take, player.report);
  const { over, handlers } = useDrop(['Files'], takeTransfer);
  useEffect(() => {
    const onPaste = (event: ClipboardEvent): void => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      takeTransfer(event.clipboardData);
    };
    // Nobody looks at the answers, and nobody sees that the camera is on.
    const onHide = (): void => {
      if (!document.hidden || !player.state.live) return;
      player.setLive(false, { tone: 'info', text: 'The webcam was switched off while this page was hidden.' });
    };
    document.addEventListener('paste', onPaste);
    document.addEventListener('visibilitychange', onHide);
    return () => {
      document.removeEventListener('paste', onPaste);
      document.removeEventListener('visibilitychange', onHide);
    };
  }, [player]);
  const show = useCallback(
    (item: Item) => {
      player.show(item);
      // From far down a long list it would not be seen.
      if ((main.current?.getBoundingClientRect().top ?? 0) < 0) main.current?.scrollIntoView();
    },
    [player],
  );
  const { model, items } = state;
  return (
    <div class={over ? 'page player over' : 'page player'} {...handlers}>
      <Header name={state.name} model={model} />
      <main ref={main} tabIndex={-1}>
        <Notice notice={state.notice} onDismiss={() => player.dismiss()} />
        {model.status === 'ready' ? <Show player={player} state={state} model={model.model} /> : <ModelPlace player={player} state={model} />}
        <Pictures
          items={items}
          shown={state.live ? null : (state.shown?.id ?? null)}
          classes={model.status === 'ready' ? model.model.classes : null}
          name={state.name}
          onShow={show}
          onClear={() => {
            player.clear();
            // The focus would fall off the page with the button.
            main.current?.focus({ preventScroll: true });
          }}
        />
      </main>
      {model.status === 'ready' && (
        <footer class="about">
          <p class="hint">
            {model.model.architecture}, looks at {model.model.inputSize} × {model.model.inputSize} pixels. Made with Headstart.
          </p>
          <FileButton kind="button small quiet" accept=".zip,application/zip" onFiles={([file]) => file && void player.open(file)}>
            Open another model
          </FileButton>
        </footer>
      )}
    </div>
  );
}
