/** The texts of what a search finds, in which U+E000 and U+E001 stand around what was found. */

/** The parts of such a text in their order; every second one was found. */
export const partsOf = (text) => text.split(/\uE000([^\uE001]*)\uE001/);

export const withoutMarks = (text) => partsOf(text).join("");
