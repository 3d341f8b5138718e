// What somebody's own page does with the package: it trains, predicts, saves, and predicts with what it saved.
import { Classifier, Trainer } from 'headstart';

function draw(colour, number) {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [120, 90];
  const context = canvas.getContext('2d');
  context.fillStyle = '#eee';
  context.fillRect(0, 0, 120, 90);
  context.fillStyle = colour;
  context.beginPath();
  context.arc(40 + 4 * number, 45, 20 + number, 0, 7);
  context.fill();
  return canvas;
}

const asked = new URLSearchParams(location.search);

async function run(options) {
  const trainer = await Trainer.create({ engine: 'cpu', ...options });
  for (const colour of ['red', 'blue']) {
    await trainer.addClass(colour);
    await trainer.addImages(colour, [1, 2, 3, 4, 5].map((number) => draw(colour, number)));
  }
  const report = await trainer.train({ epochs: 10 }).report;
  const [here] = await trainer.predict(draw('blue', 7));
  const file = await trainer.save();
  // A page's files are looked for where Headstart's are: a bundler does not know them.
  const page = asked.has('page') ? (await trainer.export('page')).name : null;
  trainer.close();
  const classifier = await Classifier.load(file, { engine: 'cpu', ...options });
  const [there] = await classifier.classify(draw('blue', 7));
  classifier.close();
  const picture = await new Promise((resolve) => draw('blue', 8).toBlob(resolve));
  return { page, epochs: report.epochsRun, here, there, file, picture };
}

const assetsBase = asked.get('assetsBase');
window.outcome = run(assetsBase === null ? {} : { assetsBase });
