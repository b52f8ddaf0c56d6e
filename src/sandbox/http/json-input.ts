import { ServiceError } from '../service-error.ts';
import { Constraints } from './constraints.ts';
import type { NumberRule, TextRule } from './constraints.ts';

/**
 * Reads an operation's JSON input member by member. A wrong type is a `SerializationException`
 * at once; violated constraints are collected and thrown by `check()`. Absent and null are the
 * same; members not asked for are ignored, as the services do.
 */
export class JsonInput {
  readonly constraints = new Constraints('ValidationException');
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(members: Readonly<Record<string, unknown>>) {
    this.#members = members;
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  text(name: string, rule: TextRule = {}): string | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw wrongType('String');
    this.constraints.text(name, value, rule);
    return value;
  }

  /** Absent counts as a violation; the empty string stands in until `check()` throws. */
  requiredText(name: string, rule: TextRule = {}): string {
    const value = this.text(name, rule);
    if (value === undefined) this.constraints.missing(name);
    return value ?? '';
  }

  integer(name: string, rule: NumberRule): number | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType('Integer');
    this.constraints.number(name, value, rule);
    return value;
  }

  /** A point in time, as the protocol writes it: seconds since the epoch. Returns milliseconds. */
  timestampMs(name: string): number | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    // Beyond this no Date exists.
    if (typeof value !== 'number' || Math.abs(value) > 8.64e12) throw wrongType('Date');
    return value * 1000;
  }

  flag(name: string): boolean {
    const value = this.#value(name);
    if (value === undefined) return false;
    if (typeof value !== 'boolean') throw wrongType('Boolean');
    return value;
  }

  blob(name: string, rule: NumberRule): Buffer | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw wrongType('Blob');
    const bytes = Buffer.from(value, 'base64');
    this.constraints.size(name, bytes.length, rule);
    return bytes;
  }

  texts(name: string, rule: NumberRule): string[] | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    const items = textList(value);
    this.constraints.size(name, items.length, rule);
    return items;
  }

  structure(name: string): JsonInput | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : new JsonInput(record(value));
  }

  structures(name: string, rule: NumberRule): JsonInput[] | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw wrongType('ArrayList');
    this.constraints.size(name, value.length, rule);
    return value.map((item: unknown) => new JsonInput(record(item)));
  }

  textMap(name: string): Map<string, string> {
    const value = this.#value(name);
    const entries = value === undefined ? [] : Object.entries(record(value));
    return new Map(
      entries.map(([key, item]) => {
        if (typeof item !== 'string') throw wrongType('String');
        return [key, item];
      }),
    );
  }

  textListMap(name: string): Map<string, string[]> {
    const value = this.#value(name);
    const entries = value === undefined ? [] : Object.entries(record(value));
    return new Map(entries.map(([key, items]) => [key, textList(items)]));
  }

  /** Throws what the reads before it have found. */
  check(): void {
    this.constraints.check();
  }

  #value(name: string): unknown {
    return this.#members[name] ?? undefined;
  }
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType('Map');
  return value as Record<string, unknown>;
}

function textList(value: unknown): string[] {
  if (!Array.isArray(value)) throw wrongType('ArrayList');
  return value.map((item: unknown) => {
    if (typeof item !== 'string') throw wrongType('String');
    return item;
  });
}

function wrongType(expected: string): ServiceError {
  return new ServiceError('SerializationException', `Value can not be converted to a ${expected}`);
}
