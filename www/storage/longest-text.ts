/** The length of the longest text in JSON, before anybody takes it apart. */
export function longestText(json: string): number {
  let longest = 0;
  let from = json.indexOf('"');
  while (from >= 0) {
    let to = json.indexOf('"', from + 1);
    while (to >= 0 && isEscaped(json, to)) to = json.indexOf('"', to + 1);
    // Whoever parses it finds out that it is no JSON.
    if (to < 0) return longest;
    longest = Math.max(longest, to - from - 1);
    from = json.indexOf('"', to + 1);
  }
  return longest;
}

function isEscaped(json: string, at: number): boolean {
  let slashes = 0;
  while (json[at - 1 - slashes] === '\\') slashes += 1;
  return slashes % 2 === 1;
}
