/** Runs work as soon as a place is free, in the order it was given. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>;

/** @param atOnce how many run at a time */
export function limiter(atOnce: number): Limiter {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The place is handed on: nobody who comes now can take it.
      if (next === undefined) free += 1;
      else next();
    }
  };
}
