/** The backbones that there are to choose from, as plain data. */
/** A backbone that can be chosen. */
export interface BackboneChoice {
  /** The name of its folder where it is served; one from the disk has a number. */
  readonly id: string;
  readonly kind: 'served' | 'disk';
  /** What a person calls its architecture. */
  readonly label: string;
  /** What its publisher calls it, or the name of its file. */
  readonly name: string;
  /** Size of the download, or of the file. */
  readonly bytes: number;
  /** Side of the pictures that it sees, in pixels. */
  readonly inputSize: number;
  readonly features: number;
  readonly parameters: number;
  /** Published accuracy on ImageNet in percent, and the side of the pictures that it was measured on. */
  readonly top1: number | null;
  readonly top1Size: number | null;
  readonly license: string;
  readonly source: string;
}

/** What a picture takes on a backbone here, as far as it was measured. */
export type BackboneCost =
  | { readonly status: 'measuring' }
  | { readonly status: 'known'; readonly milliseconds: number }
  | { readonly status: 'failed'; readonly problem: string };

/** The backbone that a model was trained on; `id` is null for the usual one. */
export interface ModelBackbone {
  readonly id: string | null;
  readonly name: string;
}

export interface BackbonesState {
  readonly list: 'unasked' | 'asking' | 'known' | 'failed';
  /** Why the list could not be read. */
  readonly problem: string | null;
  /** Those that are served, then those from the disk. */
  readonly choices: readonly BackboneChoice[];
  /** The one that is used where nobody says; null before the list is known. */
  readonly usual: string | null;
  /** The one in use; null for the usual one. */
  readonly inUse: string | null;
  /** The one that was in use before a change that is under way, and that cancelling it goes back to; null for the usual one. */
  readonly settled: string | null;
  /** The one that is being loaded. */
  readonly wanted: { readonly id: string; readonly name: string } | null;
  /** What was measured on the present engine, by id. */
  readonly costs: Readonly<Record<string, BackboneCost>>;
  /** What the model was trained on; null where that is not known. */
  readonly ofModel: ModelBackbone | null;
}
