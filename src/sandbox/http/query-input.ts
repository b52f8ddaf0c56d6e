import { ServiceError } from '../service-error.ts';
import { Constraints } from './constraints.ts';
import type { NumberRule, TextRule } from './constraints.ts';
import { header, parsePairs, splitTarget } from './message.ts';
import type { RawRequest } from './message.ts';

/** The most parameters one request may carry. */
const PARAMETER_LIMIT = 5000;

/**
 * The flat parameters of the query protocols (`Filter.1.Name=…`), from the form body of a POST
 * or the query of a GET. Violated constraints are collected and thrown by `check()`.
 */
export class QueryInput {
  readonly constraints = new Constraints('ValidationError');
  readonly #parameters: ReadonlyMap<string, string>;

  constructor(parameters: ReadonlyMap<string, string>) {
    this.#parameters = parameters;
  }

  static from(request: RawRequest): QueryInput {
    const { query } = splitTarget(request.target);
    const type = header(request, 'content-type') ?? '';
    const form = type.startsWith('application/x-www-form-urlencoded')
      ? parsePairs(request.body.toString('utf8'))
      : [];
    const pairs = [...query, ...form];
    if (pairs.length > PARAMETER_LIMIT) {
      throw new ServiceError('MalformedQueryString', 'Too many parameters.');
    }
    return new QueryInput(new Map(pairs));
  }

  text(name: string, rule: TextRule = {}): string | undefined {
    const value = this.#parameters.get(name);
    if (value !== undefined) this.constraints.text(name, value, rule);
    return value;
  }

  /** Absent counts as a violation; the empty string stands in until `check()` throws. */
  requiredText(name: string, rule: TextRule = {}): string {
    const value = this.text(name, rule);
    if (value === undefined) this.constraints.missing(name);
    return value ?? '';
  }

  integer(name: string, rule: NumberRule): number | undefined {
    const value = this.#parameters.get(name);
    if (value === undefined) return undefined;
    if (!/^-?\d{1,10}$/.test(value)) {
      throw new ServiceError('MalformedInput', `'${name}' must be an integer`);
    }
    this.constraints.number(name, Number(value), rule);
    return Number(value);
  }

  /** `<name>.1`, `<name>.2`, … in the order of their numbers. */
  list(name: string): string[] {
    return this.#indices(name).flatMap((index) => {
      const value = this.#parameters.get(`${name}.${index}`);
      return value === undefined ? [] : [value];
    });
  }

  /** `<name>.<n>.<member>` as one input per `n`. */
  structures(name: string): QueryInput[] {
    return this.#indices(name).map((index) => {
      const prefix = `${name}.${index}.`;
      const members = [...this.#parameters]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, value]) => [key.slice(prefix.length), value] as const);
      return new QueryInput(new Map(members));
    });
  }

  /** True when a parameter of this name, or below it, was given. */
  has(name: string): boolean {
    return this.#parameters.has(name) || this.#indices(name).length > 0;
  }

  /** Names of all parameters, without the numbers and members of lists. */
  names(): Set<string> {
    return new Set([...this.#parameters.keys()].map((key) => key.split('.')[0] ?? key));
  }

  /** Throws what the reads before it have found. */
  check(): void {
    this.constraints.check();
  }

  #indices(name: string): number[] {
    const indices = new Set<number>();
    for (const key of this.#parameters.keys()) {
      if (!key.startsWith(`${name}.`)) continue;
      const index = /^\d{1,5}(?=\.|$)/.exec(key.slice(name.length + 1));
      if (index !== null) indices.add(Number(index[0]));
    }
    return [...indices].sort((a, b) => a - b);
  }
}
