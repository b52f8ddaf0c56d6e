import { ServiceError } from '../service-error.ts';

export interface TextRule {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  readonly oneOf?: readonly string[];
}

export interface NumberRule {
  readonly min: number;
  readonly max: number;
}

/** How much of a bad value an error message repeats. */
const ECHO_LIMIT = 200;

/**
 * Collects violations of a service model's constraints and reports them together, in the words
 * the services use: `1 validation error detected: Value 'x' at 'name' failed to satisfy …`.
 */
export class Constraints {
  readonly #violations: string[] = [];
  readonly #errorCode: string;

  constructor(errorCode: 'ValidationException' | 'ValidationError') {
    this.#errorCode = errorCode;
  }

  missing(name: string): void {
    this.#violations.push(
      `Value null at '${memberName(name)}' failed to satisfy constraint: Member must not be null`,
    );
  }

  text(name: string, value: string, rule: TextRule): void {
    const violate = (rest: string): void => this.#violate(name, value, rest);
    if (rule.min !== undefined && value.length < rule.min) {
      violate(`have length greater than or equal to ${rule.min}`);
    }
    if (rule.max !== undefined && value.length > rule.max) {
      violate(`have length less than or equal to ${rule.max}`);
    }
    if (rule.pattern !== undefined && !rule.pattern.test(value)) {
      violate(`satisfy regular expression pattern: ${rule.pattern.source}`);
    }
    if (rule.oneOf !== undefined && !rule.oneOf.includes(value)) {
      violate(`satisfy enum value set: [${rule.oneOf.join(', ')}]`);
    }
  }

  number(name: string, value: number, { min, max }: NumberRule): void {
    if (value < min)
      this.#violate(name, String(value), `have value greater than or equal to ${min}`);
    if (value > max) this.#violate(name, String(value), `have value less than or equal to ${max}`);
  }

  /** The number of entries of a list or map. */
  size(name: string, size: number, { min, max }: NumberRule): void {
    if (size < min) this.#violate(name, '[]', `have length greater than or equal to ${min}`);
    if (size > max) this.#violate(name, '[…]', `have length less than or equal to ${max}`);
  }

  /** Throws when anything was violated. */
  check(): void {
    const count = this.#violations.length;
    if (count === 0) return;
    const errors = count === 1 ? 'error' : 'errors';
    throw new ServiceError(
      this.#errorCode,
      `${count} validation ${errors} detected: ${this.#violations.join('; ')}`,
    );
  }

  #violate(name: string, value: string, rest: string): void {
    const echo = value.length > ECHO_LIMIT ? `${value.slice(0, ECHO_LIMIT)}…` : value;
    this.#violations.push(
      `Value '${echo}' at '${memberName(name)}' failed to satisfy constraint: Member must ${rest}`,
    );
  }
}

/** Validation messages spell members with a small first letter, whatever the wire does. */
function memberName(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
