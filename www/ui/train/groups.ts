/** The advanced settings: in which group each stands, what it is called, and what it does. */
import type { SettingName } from '../../state/setting-rules.js';

export interface SettingText {
  readonly name: SettingName;
  readonly label: string;
  /** Plain words on what it does. */
  readonly about: string;
}

export interface Group {
  readonly title: string;
  readonly settings: readonly SettingText[];
}

export const HEAD: Group = {
  title: 'Head',
  settings: [
    { name: 'head', label: 'Kind', about: 'What decides, on top of the ready-made network. Linear suits most; a convolution also sees where things are; an SVM keeps the classes as far apart as it can.' },
    { name: 'units', label: 'Units', about: 'How many units the middle layer has.' },
    { name: 'activation', label: 'Activation', about: 'How the units of the middle layer answer. ReLU is the usual way.' },
    { name: 'channels', label: 'Channels', about: 'How many patterns the convolution looks for.' },
    { name: 'margin', label: 'Strictness (C)', about: 'How hard it tries to get every single picture right; smaller is more forgiving.' },
    { name: 'epochs', label: 'Epochs', about: 'How often the head looks at every picture. Whatever comes after, the best epoch is kept.' },
    { name: 'learningRate', label: 'Learning rate', about: 'How big a step each correction is. Too big and the curves jump about; too small and nothing happens.' },
    { name: 'dropout', label: 'Dropout (%)', about: 'This share of the features is left out at random, so that the head relies on no single one.' },
    { name: 'labelSmoothing', label: 'Label smoothing (%)', about: 'Keeps it from being too sure: this share of each label is spread over all classes.' },
    { name: 'classWeights', label: 'Classes count', about: 'Where some classes have far fewer pictures, “all alike” keeps those from being overlooked.' },
  ],
};

export const FINE_TUNING: Group = {
  title: 'Fine-tuning',
  settings: [
    { name: 'fineTuneEpochs', label: 'Epochs', about: 'How often every picture is looked at while blocks train with the head, after the head has trained alone.' },
    { name: 'backboneLearningRate', label: 'Learning rate of the blocks', about: 'How big the steps of the last block are. Too big, and the network forgets what it knew.' },
    { name: 'headLearningRate', label: 'Learning rate of the head', about: 'The same for the head while the blocks train.' },
    { name: 'depthDecay', label: 'Earlier blocks learn at (%)', about: 'Each block learns at this share of the rate of the block after it. Below 100, early blocks, which see general things, change less.' },
    { name: 'unfreezeEvery', label: 'Epochs until one more block joins', about: 'Blocks start to train one by one, the last one first. 0 lets all start at once.' },
    { name: 'trainNorms', label: 'Train normalisation', about: 'Lets scale and shift of BatchNorm train with their block. Its statistics stay as they are.' },
  ],
};

export const OPTIMISER: Group = {
  title: 'Optimiser',
  settings: [
    { name: 'batchSize', label: 'Batch size', about: 'How many pictures are looked at between two corrections.' },
    { name: 'optimizer', label: 'Optimiser', about: 'The rule by which corrections are made. AdamW suits most.' },
    { name: 'momentum', label: 'Momentum', about: 'How much of the last correction carries on into the next.' },
    { name: 'weightDecay', label: 'Weight decay', about: 'Pulls weights towards zero, so that none grows without need.' },
    { name: 'clipNorm', label: 'Largest correction', about: 'Larger ones are shortened to this. 0 lets all pass.' },
    { name: 'schedule', label: 'Schedule', about: 'How the learning rate changes on the way. A cosine falls gently to nothing.' },
    { name: 'stepEvery', label: 'Epochs until it falls', about: 'In steps: the epochs of each. On a plateau: the epochs without improvement.' },
    { name: 'stepFactor', label: 'Falls to a factor of', about: 'What is left of the learning rate after each fall.' },
    { name: 'warmUp', label: 'Warm-up (%)', about: 'Over this share of each phase the learning rate rises from nothing.' },
  ],
};

export const AUGMENTATION: Group = {
  title: 'Augmentation',
  settings: [
    { name: 'flip', label: 'Mirror', about: 'Half of the pictures are seen mirrored. Switch it off where left and right matter, as in letters.' },
    { name: 'zoom', label: 'Zoom: keep at least (%)', about: 'Random parts of pictures are seen, with at least this share of the area. 100 shows them whole.' },
    { name: 'rotation', label: 'Turn by up to (°)', about: 'Pictures are turned at random, by at most so many degrees.' },
    { name: 'brightness', label: 'Brightness by up to (%)', about: 'Pictures are made lighter or darker at random.' },
    { name: 'contrast', label: 'Contrast by up to (%)', about: 'Pictures are made paler or stronger at random.' },
    { name: 'variants', label: 'Variants of a picture', about: 'So many random variants of each picture are made beforehand and kept in memory.' },
  ],
};

export const STOPPING: Group = {
  title: 'Stopping',
  settings: [
    { name: 'validation', label: 'Held back for checking (%)', about: 'Pictures that are not learned from, to see how well new pictures are recognised.' },
    { name: 'monitor', label: 'Best epoch by', about: 'Which figure of the pictures held back decides. Automatic: the loss for the head alone, the accuracy while fine-tuning.' },
    { name: 'patience', label: 'Patience (epochs)', about: 'A phase ends early after so many epochs without improvement. 0 never ends it early.' },
  ],
};

export const COMPUTING: Group = {
  title: 'Computing',
  settings: [
    { name: 'memoryLimit', label: 'Memory limit (MB)', about: 'How much memory prepared pictures may take. 0 goes by the device.' },
    { name: 'seed', label: 'Seed', about: 'The same number with the same pictures gives the same result.' },
  ],
};

/** What the words of choices read. */
export const CHOICE_WORDS: Readonly<Partial<Record<SettingName, Readonly<Record<string, string>>>>> = {
  head: { linear: 'Linear', mlp: 'Two layers (MLP)', conv: 'Convolutional', svm: 'Linear SVM' },
  activation: { relu: 'ReLU', silu: 'SiLU', tanh: 'Tanh' },
  classWeights: { none: 'By pictures', balanced: 'All alike' },
  optimizer: { adamw: 'AdamW', adam: 'Adam', sgd: 'SGD' },
  schedule: { cosine: 'Cosine', constant: 'Constant', step: 'Steps', plateau: 'Plateau' },
  monitor: { auto: 'Automatic', loss: 'Loss', accuracy: 'Accuracy' },
};
