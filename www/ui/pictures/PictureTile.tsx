import { useEffect, useState } from 'preact/hooks';
import type { Key, PictureState } from '../../state/types.js';
import { Icon } from '../common/Icon.js';
import { PICTURES_TYPE } from '../common/useDrop.js';
import { useApp } from '../control/app.js';

interface PictureTileProps {
  readonly id: string | undefined;
  readonly picture: PictureState;
  readonly place: { readonly left: number; readonly top: number };
  readonly side: number;
  readonly index: number;
  readonly total: number;
  readonly selected: boolean;
  readonly active: boolean;
  readonly onToggle: (extend: boolean) => void;
  readonly onDelete: () => void;
  /** What a drag that starts here carries. */
  readonly dragged: (key: Key) => readonly Key[];
}

export function PictureTile(props: PictureTileProps) {
  const { picture, place, side, selected } = props;
  const url = useThumbnail(picture.key);
  return (
    <div
      id={props.id}
      class={`tile${selected ? ' selected' : ''}${props.active ? ' active' : ''}`}
      role="option"
      aria-selected={selected}
      aria-label={picture.name}
      aria-setsize={props.total}
      aria-posinset={props.index + 1}
      title={picture.name}
      draggable
      style={{ width: `${side}px`, height: `${side}px`, transform: `translate(${place.left}px, ${place.top}px)` }}
      onClick={(event) => props.onToggle(event.shiftKey)}
      onDragStart={(event) => event.dataTransfer?.setData(PICTURES_TYPE, JSON.stringify(props.dragged(picture.key)))}
    >
      {url !== null && <img src={url} alt="" draggable={false} />}
      {selected && (
        <span class="tile-mark">
          <Icon name="check" />
        </span>
      )}
      {/* For the mouse only: the keyboard has Delete, and a finger selects first. */}
      <span
        class="tile-delete"
        aria-hidden="true"
        onClick={(event) => {
          event.stopPropagation();
          props.onDelete();
        }}
      >
        <Icon name="close" />
      </span>
    </div>
  );
}

const RETRY_MS = 400;

/** The address of the small picture, once there is one: after a worker has died it takes until the picture was read again. */
function useThumbnail(key: Key): string | null {
  const { library, session } = useApp();
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = (): void => {
      if (!gone) timer = setTimeout(load, RETRY_MS);
    };
    const load = (): void => {
      const thumbnail = library.thumbnail(key, session.trainer);
      if (thumbnail === null) return later();
      thumbnail.then((made) => {
        if (!gone) setUrl(made);
      }, later);
    };
    load();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [key, library, session]);
  return url;
}
