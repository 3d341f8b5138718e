import { Icon } from '../../ui/common/Icon.js';
import type { Notice as NoticeState } from '../state.js';

/** A message that is read out when it appears; the region is there before it. */
export function Notice({ notice, onDismiss }: { notice: NoticeState | null; onDismiss: () => void }) {
  return (
    <div class="notices" role="status">
      {notice !== null && (
        <div class={`notice ${notice.tone}`}>
          <p>{notice.text}</p>
          <button type="button" class="icon-button" aria-label="Dismiss this message" onClick={onDismiss}>
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
