// What somebody's own page does that only predicts, with a model and a picture that lie beside its site.
import { Classifier } from 'headstart/predict';

const assetsBase = new URLSearchParams(location.search).get('assetsBase');

async function run() {
  const classifier = await Classifier.load('/model.zip', assetsBase === null ? {} : { assetsBase });
  const [best] = await classifier.classify('/sea.png');
  const { kind } = classifier.engine;
  classifier.close();
  return { kind, best: best.className };
}

window.outcome = run();
