import type { BackboneReport, EngineReport, ModelClass } from '../generated/types.js';
import type { Call, CallRequest, Change } from '../protocol.js';
import type { ModelSession, Session } from './session.js';

/** The calls after which the page is told of all classes. */
const CONCERN_CLASSES: ReadonlySet<Call> = new Set<Call>(['create', 'addClass', 'renameClass', 'removeClass', 'restoreClass', 'mergeClasses']);

/** Finds out what the page has to be told after a call, and nothing that it knows already. */
export class Changes {
  #model: ModelClass[] | null = null;
  #engine: EngineReport | null = null;
  #backbone: BackboneReport | null = null;

  /** What may be new at any time: any call can lose the GPU, and the end of a run that failed can be a model too. */
  async any(session: ModelSession): Promise<Change> {
    const change: Change = {};
    const [model, engine, backbone] = [await session.modelClasses(), session.engine(), session.backbone()];
    if (!equal(model, this.#model)) change.model = this.#model = model;
    if (!equal(engine, this.#engine)) change.engine = this.#engine = engine;
    if (!equal(backbone, this.#backbone)) change.backbone = this.#backbone = backbone;
    return change;
  }
}

/** What a call that was answered with `value` has done to classes and pictures. */
export async function changeBy(session: Session, request: CallRequest, value: unknown): Promise<Change> {
  const image = imageOf(request, value);
  return {
    ...(CONCERN_CLASSES.has(request.call) ? { classes: await session.classes() } : {}),
    ...(image === undefined ? {} : { image: { id: image, classId: await session.classOf(image), part: await session.partOf(image) } }),
  };
}

/** A change as a part of a message, where there is one. */
export function told(change: Change): { change?: Change } {
  return Object.keys(change).length === 0 ? {} : { change };
}

/** The picture that a call put somewhere else. */
function imageOf(request: CallRequest, value: unknown): number | undefined {
  switch (request.call) {
    case 'addImage':
      return value as number;
    case 'moveImage':
    case 'setPart':
    case 'removeImage':
    case 'restoreImage':
      return request.args[0];
    default:
      return undefined;
  }
}

/** Whether two plain values say the same. */
function equal(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
