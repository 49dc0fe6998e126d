/** Any of these words, as a part of a regular expression. */
export const words = (...lists: string[]) => `\\b(${lists.join(' ').split(' ').join('|')})\\b`;
