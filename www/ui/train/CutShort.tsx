import { useLayoutEffect, useRef } from 'preact/hooks';
import { whyNotReady } from '../../state/readiness.js';
import type { CutShort as CutShortState } from '../../state/types.js';
import { Icon } from '../common/Icon.js';
import { Spoken } from '../common/Spoken.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

/** A run that ended with its tab or its engine, and going on with it. */
export function CutShort() {
  const cutShort = useAppState((state) => state.cutShort);
  return (
    <>
      <Spoken text={cutShort === null ? '' : inWords(cutShort)} />
      {cutShort !== null && <Offer cutShort={cutShort} />}
    </>
  );
}

function inWords({ epoch, epochs }: CutShortState): string {
  return `Training was cut short after epoch ${epoch} of ${epochs}, and can go on from there.`;
}

function Offer({ cutShort }: { cutShort: CutShortState }) {
  const { training } = useApp();
  const reason = useAppState(whyNotReady);
  const root = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = root.current;
    return () => {
      // The focus would fall off the page with the button.
      if (element?.contains(document.activeElement)) document.querySelector<HTMLElement>('.train-button button')?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <div ref={root} class="notice info cut-short">
      {/* Hidden only so that it is not met twice: it is read out, and describes the buttons. */}
      <p id="cut-short" aria-hidden="true">
        {inWords(cutShort)}
      </p>
      <div class="row">
        <button
          type="button"
          class="button small primary"
          aria-disabled={reason !== null}
          aria-describedby="cut-short train-reason"
          onClick={() => {
            if (reason === null) void training.goOn();
          }}
        >
          <Icon name="play" /> Go on
        </button>
        <button type="button" class="button small" aria-describedby="cut-short" onClick={() => training.dropCutShort()}>
          Discard
        </button>
      </div>
    </div>
  );
}
