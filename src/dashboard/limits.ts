/** The dashboard's own bounds: what one answer may hold, however large the store is. */

/** UTF-16 units of a value that a listing or an event shows. */
export const PREVIEW_LENGTH = 120;

/** Children in one page of a listing. */
export const CHILDREN_MAX = 200;

/** … or fewer, when their values have so many UTF-16 units. */
export const CHILDREN_UNITS_MAX = 1024 * 1024;

/** Keys in one page of the flat view are fewer, too, when their values have so many bytes. */
export const VALUE_BYTES_MAX = 1024 * 1024;

/** UTF-16 units of a value that a file shows unless the whole one is asked for. */
export const VALUE_LENGTH = 64 * 1024;
