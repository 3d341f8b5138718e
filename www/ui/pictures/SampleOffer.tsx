import { useState } from 'preact/hooks';
import { useApp } from '../control/app.js';
import { report } from '../control/errors.js';
import { Icon } from '../common/Icon.js';

/** For a first look: a small set of pictures that the page draws itself. */
export function SampleOffer() {
  const { store, pictures } = useApp();
  const [drawing, setDrawing] = useState(false);
  const draw = async (): Promise<void> => {
    setDrawing(true);
    try {
      const { drawSamples } = await import('../../samples/draw.js');
      pictures.addSamples(await drawSamples());
    } catch (error) {
      report(store, 'pictures', error);
      setDrawing(false);
    }
  };
  return (
    <div class="offer">
      <p>New here? Take a look with circles, triangles and stars.</p>
      <button type="button" class="button" disabled={drawing} onClick={() => void draw()}>
        <Icon name="spark" /> {drawing ? 'Drawing pictures…' : 'Try it with sample pictures'}
      </button>
    </div>
  );
}
