/** The bytes of an ASCII text. */
export const ascii = (text: string): number[] => [...text].map((char) => char.charCodeAt(0));
