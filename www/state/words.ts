/** Figures and lists as people read them. */

/** A share between 0 and 1. Only a true 100 % reads so. */
export function percent(share: number): string {
  const rounded = wholePercent(share);
  return rounded === 0 && share > 0.0005 ? '<1%' : `${rounded}%`;
}

/** The same as a number. */
export function wholePercent(share: number): number {
  const rounded = Math.round(share * 100);
  return rounded === 100 && share < 1 ? 99 : rounded;
}

export function timeLeft(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '';
  return `${roughly(seconds)} left`;
}

/** A time that nobody knows exactly; never less than it. */
export function roughly(seconds: number): string {
  if (seconds < 1) return 'less than a second';
  if (seconds < 60) return `about ${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)} min`;
  return `about ${(seconds / 3600).toFixed(1)} h`;
}

/** Memory, in the units of a download. */
export function bytes(number: number): string {
  if (number < 1e6) return `${Math.max(1, Math.round(number / 1e3))} kB`;
  if (number < 1e9) return `${number < 1e7 ? (number / 1e6).toFixed(1) : Math.round(number / 1e6)} MB`;
  return `${(number / 1e9).toFixed(1)} GB`;
}

/** “a, b and c”. */
export function andList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return `${Math.round(seconds / 60)} min`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return number === 1 ? `1 ${one}` : `${number.toLocaleString('en')} ${many}`;
}

const NAMED_FILES = 5;

/** The first few, and how many more there are. */
export function someOf(names: readonly string[]): string {
  const more = names.length > NAMED_FILES ? ` and ${names.length - NAMED_FILES} more` : '';
  return `${names.slice(0, NAMED_FILES).join(', ')}${more}`;
}

/** “2 of 30 files could not be read: a.jpg, b.jpg”. */
export function unreadable(names: readonly string[], total: number): string {
  if (total === 1) return `${someOf(names)} could not be read as a picture.`;
  return `${names.length} of ${total} files could not be read: ${someOf(names)}`;
}

/** That pictures in folders of these names are not learned from: somebody may not have meant them so. */
export function forTesting(pictures: number, folders: readonly string[]): string {
  const [are, them] = pictures === 1 ? ['is', 'it'] : ['are', 'them'];
  return `${count(pictures, 'picture')} in ${andList(folders.map((name) => `“${name}”`))} ${are} for testing: nothing is learned from ${them}.`;
}
