// Written by `cargo test` from the Rust types (ts-rs). Do not edit.

export type EngineChoice = "auto" | "webgpu" | "cpu";

export type EngineKind = "webgpu" | "cpu";

export type EngineReport = { kind: EngineKind, adapter: string, reason: string, cpuMilliseconds: number | null, gpuMilliseconds: number | null, };

export type LayerReport = { name: string, kind: string, shape: Array<number>, parameters: number, trainable: boolean, reason: string, };

export type BackboneReport = { architecture: string, inputSize: number, features: number, parameters: number, stages: number, license: string, source: string, batchNorm: string, };

export type TrainConfig = {
  head: string,               // "linear" | "mlp:128"
  fineTune: string,           // "none" | "last:3" | "all"
  epochs: number, learningRate: number, backboneLearningRate: number, batchSize: number,
  optimizer: string,          // "adamw" | "adam"
  schedule: string,           // "cosine" | "constant"
  weightDecay: number, labelSmoothing: number, dropout: number,
  validation: number, patience: number, seed: number, };

export type TrainEvent = {
  kind: "step" | "epoch" | "done",
  phase: "head" | "fine-tune",
  epoch: number, epochs: number,      // epoch counts from 1
  step: number, steps: number,        // optimiser steps in the whole run
  loss: number, accuracy: number,     // mean over the epoch so far (training set)
  validationLoss: number | null, validationAccuracy: number | null,   // at the end of an epoch, where a validation set exists
  learningRate: number,
  bestEpoch: number | null, improved: boolean,
  imagesPerSecond: number, eta: number, };   // eta in seconds

export type ConfusionMatrix = Array<Array<number>>;  // [actual][predicted]

export type ClassMetrics = { class: string, precision: number | null, recall: number | null, support: number, };

export type ImageCounts = { train: number, validation: number, test: number, };

export type Seconds = { embed: number, train: number, evaluate: number, };

export type Warning = { code: string, message: string, };

export type TrainReport = { classes: Array<string>, images: ImageCounts, backbone: string, head: string, fine_tune: string, trainable_parameters: number, total_parameters: number, epochs_run: number, best_epoch: number, stopped: "finished" | "early" | "cancelled", train_loss: number, train_accuracy: number, validation_loss: number | null, validation_accuracy: number | null, test_accuracy: number | null, confusion_matrix: ConfusionMatrix | null, per_class: Array<ClassMetrics> | null, seconds: Seconds, seed: number, engine: EngineKind, warnings: Array<Warning>, };

export type Evaluation = { accuracy: number, loss: number, confusion_matrix: ConfusionMatrix, per_class: Array<ClassMetrics>, classes: Array<string>, images: number, };

export type Prediction = { className: string, probability: number, };

export type ClassSummary = { name: string, images: Array<number>, };
