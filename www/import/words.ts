const NAMED = 3;
const LETTERS = 60;

/** “a.jpg and b.jpg stand”, or the first few and how many more. */
export function listNames(names: readonly string[]): string {
  const some = names.slice(0, NAMED).map((name) => `“${name.length > LETTERS ? `${name.slice(0, LETTERS)}…` : name}”`);
  const more = names.length - some.length;
  if (more > 0) return `${some.join(', ')} and ${more.toLocaleString('en')} more stand`;
  return some.length === 1 ? `${some[0]} stands` : `${some.slice(0, -1).join(', ')} and ${some.at(-1)} stand`;
}
