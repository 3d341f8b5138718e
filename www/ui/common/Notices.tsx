import type { Area } from '../../state/types.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { Icon } from './Icon.js';

/** The messages that concern one part of the page, read out when they appear. */
export function Notices({ area }: { area: Area }) {
  const { store } = useApp();
  const all = useAppState((state) => state.notices);
  const own = all.filter((each) => each.area === area);
  return (
    <div class="notices" role="status">
      {own.map((notice) => (
        <div key={notice.id} class={`notice ${notice.tone}`}>
          <p>{notice.text}</p>
          <button
            type="button"
            class="icon-button"
            aria-label="Dismiss this message"
            onClick={() => store.dispatch({ type: 'notice-dismissed', id: notice.id })}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
