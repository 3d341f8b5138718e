import { countPictures } from '../../state/classes.js';
import { filesOfInput } from '../../media/index.js';
import { FileButton } from '../common/FileButton.js';
import { Icon } from '../common/Icon.js';
import { DownloadPictures } from '../import/DownloadPictures.js';
import { ImportProgress } from '../import/ImportProgress.js';
import { Notices } from '../common/Notices.js';
import { Step } from '../common/Step.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';
import { ClassCard } from './ClassCard.js';
import { SampleOffer } from './SampleOffer.js';
import { TestSet } from './TestSet.js';

/** Step 1: classes and their pictures. */
export function PicturesPanel() {
  const { pictures } = useApp();
  const classes = useAppState((state) => state.classes);
  const untried = useAppState((state) => countPictures(state.classes) === 0 && Object.keys(state.intake).length === 0);
  const addClass = (): void => {
    const key = pictures.addClass();
    // The name is what one wants to type next; the card is there after the next frame.
    requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(`class-name-${key}`)?.focus()));
  };
  return (
    <Step id="pictures" number={1} title="Pictures" lead="One class for each thing to tell apart. Twenty pictures each is a good start.">
      {untried && <SampleOffer />}
      <Notices area="pictures" />
      <ImportProgress />
      <ul class="cards">
        {classes.map((each, index) => (
          <ClassCard key={each.key} shown={each} index={index} />
        ))}
      </ul>
      {!untried && <TestSet />}
      <div class="row">
        <button type="button" class="button dashed grow" onClick={addClass}>
          <Icon name="plus" /> Add a class
        </button>
        <FileButton kind="button dashed grow" label="Add folders: each folder of pictures becomes a class" folder onFiles={(files) => pictures.addFound(filesOfInput(files))}>
          <Icon name="folder" /> Add folders
        </FileButton>
        <FileButton
          kind="button dashed grow"
          label="Add a zip of pictures, a list of labels or a Teachable Machine project"
          accept=".zip,.tm,.csv,.tsv,.json,image/*"
          many
          onFiles={(files) => pictures.addFound(filesOfInput(files))}
        >
          <Icon name="zip" /> Add a zip
        </FileButton>
        <DownloadPictures />
      </div>
    </Step>
  );
}
