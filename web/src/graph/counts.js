/** Numbers in words. */

export const number = new Intl.NumberFormat("en");

export const counted = (count, noun) => `${number.format(count)} ${noun}${count === 1 ? "" : "s"}`;
