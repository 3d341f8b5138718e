/** How much a foreign file may ask for. Whoever needs more unpacks it first and adds the folder. */

/** Files in one zip. */
export const MAX_ENTRIES = 100_000;
/** Bytes of a zip's directory: what {@link MAX_ENTRIES} need with names of 600 letters. It is the one thing that is held whole. */
export const MAX_DIRECTORY_BYTES = 64e6;
/** Bytes of one file of a zip, unpacked: more than the largest picture that can be decoded is packed to. */
export const MAX_ENTRY_BYTES = 100e6;
/** The same of a project file, which may hold a backbone of 128 million values. */
export const MAX_PROJECT_ENTRY_BYTES = 512 * 2 ** 20;
/** Bytes of all files of a zip, unpacked. */
export const MAX_TOTAL_BYTES = 20e9;
/** Letters of a file's name with its folders. */
export const MAX_PATH_LETTERS = 1000;
/** Letters of a class's name. */
export const MAX_NAME_LETTERS = 100;
/** Classes of one import: more come from a list whose column is no label. */
export const MAX_CLASSES = 1000;
/** Bytes of a list of labels or of a manifest. */
export const MAX_LIST_BYTES = 32e6;
