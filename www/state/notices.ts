/** Messages beside what they concern. */
import type { Area, Notice } from './types.js';

/** The same words in the same place are not said twice. */
export function addNotice(notices: readonly Notice[], notice: Notice): readonly Notice[] {
  return [...notices.filter((each) => each.area !== notice.area || each.text !== notice.text), notice];
}

export function dismiss(notices: readonly Notice[], id: number): readonly Notice[] {
  return notices.filter((each) => each.id !== id);
}

export function clearArea(notices: readonly Notice[], area: Area): readonly Notice[] {
  return notices.some((each) => each.area === area) ? notices.filter((each) => each.area !== area) : notices;
}
