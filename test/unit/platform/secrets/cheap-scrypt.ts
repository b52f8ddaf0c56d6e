/** The least work that a file may ask for, so that tests are quick. */
export const CHEAP_SCRYPT = { N: 2 ** 14, r: 8, p: 1 };
