import { describe, expect, it } from 'vitest';
import { findBackbone, type FoundFile } from '../../www/media/index.js';
import type { BackboneChoice } from '../../www/state/backbone-types.js';
import { describeChange, describeChangeTo, describeCost, factsOf, inShort, notPrepared, secondsLeft, whyNotTake } from '../../www/state/backbone-words.js';
import { idInUse, nameInUse, nameOf, otherBackboneOfModel } from '../../www/state/backbones.js';
import { whyNotFurther, whyNotReady } from '../../www/state/readiness.js';
import { initialState, reduce, type Action } from '../../www/state/reducer.js';
import type { AppState } from '../../www/state/types.js';
import { FIRST_SETTINGS } from '../../www/storage/settings.js';
import { backbone, defaults, engine, labels, rules } from './support/state.js';

const choice = (id: string, label: string, over: Partial<BackboneChoice> = {}): BackboneChoice => ({
  id,
  kind: 'served',
  label,
  name: id,
  bytes: 1_400_000,
  inputSize: 128,
  features: 1280,
  parameters: 1_513_456,
  top1: null,
  top1Size: null,
  license: 'apache-2.0',
  source: 'made for this project',
  ...over,
});
const disk = choice('disk:1', 'ResNet-50', { kind: 'disk', name: 'mine' });
const listed: Action = { type: 'backbones-listed', choices: [choice('small', 'MobileNetV2 0.5'), choice('large', 'ResNet-50')], usual: 'small' };
const ready: Action = { type: 'engine-ready', report: engine, defaults, rules, backbone };
const picture = (key: number, className: number): Action => ({ type: 'pictures-read', key: className, added: [{ key, name: `${key}.jpg` }], done: 1 });
const placed = (inUse: string | null, settled = inUse): Action => ({ type: 'backbone-placed', inUse, settled });
const wanted: Action = { type: 'backbone-wanted', wanted: { id: 'large', name: 'ResNet-50' } };
const play = (state: AppState, ...actions: Action[]): AppState => actions.reduce(reduce, state);
const start = (): AppState => play(initialState(FIRST_SETTINGS), ready, picture(10, 1), picture(20, 2));
const known = (...actions: Action[]): AppState => play(start(), listed, ...actions);

describe('the backbone in use', () => {
  it('is the usual one until another is placed', () => {
    expect([idInUse(start()), nameInUse(start())]).toEqual([null, 'MobileNetV2 0.5']);
    expect([idInUse(known()), nameInUse(known())]).toEqual(['small', 'MobileNetV2 0.5']);
    expect(nameInUse(known(placed('large')))).toBe('ResNet-50');
  });

  it('is told from others of its architecture by its own name', () => {
    const state = known({ type: 'backbone-brought', choice: disk });
    expect(['small', 'large', 'disk:1', 'none'].map((id) => nameOf(state, id))).toEqual(['MobileNetV2 0.5', 'ResNet-50 (large)', 'ResNet-50 (mine)', null]);
  });

  it('from the disk outlives another list', () => {
    expect(play(known({ type: 'backbone-brought', choice: disk }), listed).backbones.choices.map(({ id }) => id)).toEqual(['small', 'large', 'disk:1']);
  });

  it('is not taken again, nor what is being loaded, nor anything while there is no engine or training runs', () => {
    expect(whyNotTake(known(), 'small')).toBe('It is in use.');
    expect(whyNotTake(known(), 'large')).toBeNull();
    expect(whyNotTake(known(wanted), 'large')).toBe('It is being loaded.');
    // The way back while another is being loaded.
    expect(whyNotTake(known(wanted), 'small')).toBeNull();
    expect(whyNotTake(known(wanted, placed('large', 'small')), 'large')).toBe('It is in use.');
    expect(whyNotTake(known({ type: 'run-started', config: {} }), 'large')).toContain('training');
    expect(whyNotTake(known({ type: 'engine-failed', problem: 'No.' }), 'large')).toContain('engine');
  });
});

describe('what was measured', () => {
  const measured: Action = { type: 'backbone-measured', id: 'large', cost: { status: 'known', milliseconds: 31.4 } };

  it.each<[string, Action]>([
    ['another engine starts', ready],
    ['the GPU is lost', { type: 'engine-changed', report: engine }],
    ['the worker dies', { type: 'engine-failed', problem: 'No.' }],
  ])('is forgotten where %s', (_, action) => {
    expect(known(measured).backbones.costs['large']).toBeDefined();
    expect(play(known(measured), action).backbones.costs).toEqual({});
  });

  it('is told as it is, and nothing before', () => {
    expect(describeCost(undefined, 'the CPU')).toBeNull();
    expect(describeCost({ status: 'measuring' }, 'the CPU')).toBe('measuring…');
    const told = [0.126, 8.27, 31.4, 2410].map((milliseconds) => describeCost({ status: 'known', milliseconds }, 'WebGPU'));
    expect(told).toEqual(['0.13 ms', '8.3 ms', '31 ms', '2.4 s'].map((time) => `${time} on WebGPU, measured here, and reading its file`));
    expect(describeCost({ status: 'failed', problem: 'No such file.' }, 'the CPU')).toContain('No such file.');
  });
});

describe('a change', () => {
  const changing = (done: number | null): Action => ({ type: 'backbone-changing', progress: done === null ? null : { done, total: 40 } });

  it('holds up training, and says so in words that do not count', () => {
    const loading = known(wanted, changing(null));
    expect(whyNotReady(loading)).toBe('ResNet-50 is still being loaded.');
    const preparing = play(loading, placed('large', 'small'), changing(3));
    expect(whyNotReady(preparing)).toBe('Pictures are still being prepared for ResNet-50.');
    expect(whyNotReady(play(preparing, changing(4)))).toBe(whyNotReady(preparing));
    expect(whyNotReady(play(preparing, { type: 'backbone-change-ended' }))).toBeNull();
  });

  it('is told beside the backbone that it is about', () => {
    const told = (state: AppState) => ['small', 'large'].map((id) => describeChangeTo(state, id));
    expect(told(known())).toEqual([null, null]);
    expect(told(known(wanted, changing(null)))).toEqual([null, 'Loading ResNet-50…']);
    expect(told(known(wanted, placed('large', 'small'), changing(3)))).toEqual([null, 'Preparing pictures for ResNet-50: 3 of 40']);
  });

  it('is over where the worker dies', () => {
    expect(known(wanted, changing(3), { type: 'engine-failed', problem: 'No.' }).backboneChange).toBeNull();
  });

  it('tells how far it is and how long it takes', () => {
    expect(describeChange('ResNet-50', null, null)).toBe('Loading ResNet-50…');
    expect(describeChange('ResNet-50', { done: 34, total: 100 }, 11.2)).toBe('Preparing pictures for ResNet-50: 34 of 100, about 12 s left');
    expect(describeChange('ResNet-50', { done: 0, total: 100 }, null)).toBe('Preparing pictures for ResNet-50: 0 of 100');
  });

  it('knows its pace after some pictures, not counting those that were there from the start', () => {
    const since = { milliseconds: 1000, done: 20 };
    expect(secondsLeft(since, { milliseconds: 1100, done: 21 }, 100)).toBeNull();
    expect(secondsLeft(since, { milliseconds: 3000, done: 30 }, 100)).toBeCloseTo(14);
    expect(secondsLeft(since, { milliseconds: 3000, done: 100 }, 100)).toBeNull();
  });

  it('says which pictures could not come along', () => {
    expect(notPrepared(['a.jpg'], 'ResNet-50')).toBe(
      '1 picture could not be read again: a.jpg. It is left out while ResNet-50 is in use; add it once more to have it back.',
    );
    expect(notPrepared(['1', '2', '3', '4', '5', '6'], 'ResNet-50')).toContain('6 pictures could not be read again: 1, 2, 3, 4, 5 and 1 more. They are');
  });
});

describe('the model that was trained before', () => {
  const trained: Action = { type: 'model-trained', labels: labels('Class 1', 'Class 2') };

  it('is known by its backbone where that is another, and is not trained further there', () => {
    expect(otherBackboneOfModel(known(trained))).toBeNull();
    const other = known(trained, placed('large'));
    expect(otherBackboneOfModel(other)).toBe('MobileNetV2 0.5');
    expect(whyNotReady(other)).toBeNull();
    expect(whyNotFurther(other)).toBe(
      'The present model was trained on MobileNetV2 0.5 and cannot be trained further on ResNet-50: go back to MobileNetV2 0.5 for that, or train anew.',
    );
    expect(whyNotFurther(play(other, placed('small')))).toBeNull();
    expect(otherBackboneOfModel(play(other, trained))).toBeNull();
  });

  it('is the usual one’s also where the list came later', () => {
    expect(otherBackboneOfModel(play(start(), trained, listed))).toBeNull();
    expect(otherBackboneOfModel(play(start(), trained, listed, placed('small')))).toBeNull();
    expect(otherBackboneOfModel(play(start(), trained, listed, placed('large')))).toBe('MobileNetV2 0.5');
  });

  it('keeps its backbone through a rename and a change of the engine; of one from a file nobody knows it', () => {
    const renamed: Action = { type: 'model-changed', labels: labels('cat', 'dog') };
    expect(otherBackboneOfModel(known(trained, placed('large'), renamed, ready))).toBe('MobileNetV2 0.5');
    expect(otherBackboneOfModel(known(trained, placed('large'), { type: 'model-replaced', labels: labels('cat', 'dog') }))).toBeNull();
  });
});

describe('what is said of a backbone', () => {
  it('are the figures that tell it from others, and no accuracy where none is published', () => {
    expect(inShort(choice('small', 'MobileNetV2 0.5'))).toBe('1.4 MB · 128 px');
    expect(inShort({ ...disk, top1: 80.857 })).toBe('1.4 MB from your disk · 128 px · top-1 80.9%');
    const facts = (of: BackboneChoice) => Object.fromEntries(factsOf(of).map(({ term, text }) => [term, text]));
    expect(facts(choice('small', 'MobileNetV2 0.5'))).toEqual({
      Download: '1.4 MB',
      'Picture size': '128 × 128 pixels',
      Features: '1,280',
      Values: '1,513,456',
      'ImageNet top-1': 'not published',
      Licence: 'apache-2.0',
      Source: 'made for this project',
    });
    expect(facts({ ...disk, top1: 80.9, top1Size: 288, license: '' })).toMatchObject({
      File: '1.4 MB',
      'ImageNet top-1': '80.9% at 288 px',
      Licence: 'not told',
    });
  });
});

describe('the files of a backbone', () => {
  const found = (...paths: string[]): FoundFile[] =>
    paths.map((path) => ({ file: new File(['x'], path.split('/').at(-1)!), folders: path.split('/').slice(0, -1) }));
  const names = (...paths: string[]) => {
    const files = findBackbone(found(...paths));
    return 'problem' in files ? files.problem : [files.name, files.weights.name, files.config?.name];
  };

  it('are told from what lies beside them', () => {
    expect(names('model.safetensors')).toEqual(['model.safetensors', 'model.safetensors', undefined]);
    expect(names('resnet50/README.md', 'resnet50/config.json', 'resnet50/model.safetensors', 'resnet50/pytorch_model.bin')).toEqual([
      'resnet50',
      'model.safetensors',
      'config.json',
    ]);
    // Browsers number a file that is downloaded twice.
    expect(names('model (1).safetensors', 'config (1).json')).toEqual(['model (1).safetensors', 'model (1).safetensors', 'config (1).json']);
    expect(names('a/model.safetensors', 'a/config.json', 'a/preprocessor_config.json')).toEqual(['a', 'model.safetensors', 'config.json']);
    expect(names('a/model.safetensors', 'b/config.json')).toEqual(['a', 'model.safetensors', undefined]);
  });

  it.each([
    [['a/model.safetensors', 'b/model.safetensors'], /^One backbone at a time: there are 2 files of weights, such as a\/model.safetensors and b/],
    [['config.json'], /^The weights are missing/],
    [['pytorch_model.bin', 'config.json'], /^“pytorch_model.bin” cannot be read: .* \.safetensors/],
    [['model.zip'], /^“model.zip” is no backbone: a saved model is opened with “Open model”/],
    [['cat.jpg'], /^That is no backbone/],
    [[], /^That is no backbone/],
  ])('are missing in %j', (paths, problem) => expect(names(...paths)).toMatch(problem));
});
