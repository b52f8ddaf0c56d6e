/** A value as a service puts it into the context of a request. */
export type ContextValue = string | number | boolean | readonly string[] | undefined;

/**
 * What a service tells IAM about a request besides who calls what on which resource: global keys
 * (`aws:userid`), keys of the service (`ssm:resourceTag/Name`). Names of keys are not case-sensitive,
 * names of tags within them neither.
 */
export class RequestContext {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** `undefined` stands for a key that is absent. */
  static of(entries: Readonly<Record<string, ContextValue>>): RequestContext {
    return new RequestContext(new Map()).with(entries);
  }

  /** This context and more; of two values for one key the later counts, `undefined` takes it away. */
  with(entries: Readonly<Record<string, ContextValue>>): RequestContext {
    const values = new Map(this.#values);
    for (const [key, value] of Object.entries(entries)) {
      if (value === undefined) values.delete(key.toLowerCase());
      else values.set(key.toLowerCase(), typeof value === 'object' ? value : [String(value)]);
    }
    return new RequestContext(values);
  }

  /** All values of a key, or undefined when the request does not have it. */
  values(key: string): readonly string[] | undefined {
    return this.#values.get(key.toLowerCase());
  }

  /** The value of a key that has exactly one. */
  single(key: string): string | undefined {
    const values = this.values(key);
    return values?.length === 1 ? values[0] : undefined;
  }
}

/** Tags as context entries: `tagEntries('aws:ResourceTag/', tags)`. */
export function tagEntries(
  prefix: string,
  tags: Readonly<Record<string, string>> | ReadonlyMap<string, string>,
): Record<string, string> {
  const pairs = tags instanceof Map ? [...tags] : Object.entries(tags);
  return Object.fromEntries(pairs.map(([key, value]) => [`${prefix}${key}`, String(value)]));
}
