import { Notices } from './common/Notices.js';
import { PICTURES_TYPE, useDrop } from './common/useDrop.js';
import { Toast } from './common/Toast.js';
import { useApp } from './control/app.js';
import { ImportPlace } from './import/ImportPlace.js';
import { Header } from './Header.js';
import { PicturesPanel } from './pictures/PicturesPanel.js';
import { PredictPanel } from './predict/PredictPanel.js';
import { KeepingProblem } from './projects/ProjectBar.js';
import { StepNav } from './StepNav.js';
import { TrainPanel } from './train/TrainPanel.js';
import { usePageEvents } from './usePageEvents.js';

/** The whole page: three steps side by side, or one below the other on a phone. */
export function Page() {
  const { pictures } = useApp();
  usePageEvents();
  const { over, handlers } = useDrop(['Files', PICTURES_TYPE], (transfer) => {
    if (!transfer.types.includes(PICTURES_TYPE)) pictures.addTransfer(transfer, null);
  });
  return (
    <div class={over ? 'page dropping' : 'page'} {...handlers}>
      <Header />
      <KeepingProblem />
      <Notices area="page" />
      <main class="steps" tabIndex={-1}>
        <PicturesPanel />
        <TrainPanel />
        <PredictPanel />
      </main>
      <StepNav />
      <Toast />
      <ImportPlace />
    </div>
  );
}
