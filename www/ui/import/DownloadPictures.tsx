import { useState } from 'preact/hooks';
import { countPictures } from '../../state/classes.js';
import { Icon } from '../common/Icon.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

/** All pictures as a zip, once there are any. */
export function DownloadPictures() {
  const { exporter } = useApp();
  const some = useAppState((state) => countPictures(state.classes) > 0);
  const [packed, setPacked] = useState<string | null>(null);
  if (!some) return null;
  const download = async (): Promise<void> => {
    setPacked('Packing…');
    await exporter.download((done, total) => setPacked(`Packing ${Math.floor((done / total) * 100)}%`));
    setPacked(null);
  };
  return (
    <button type="button" class="button dashed grow" aria-disabled={packed !== null} onClick={() => packed === null && void download()}>
      <Icon name="down" /> {packed ?? 'Download pictures'}
    </button>
  );
}
