/**
 * An error of an AWS service as its client shall see it: the service's own code, HTTP status
 * and message. The protocol's renderer gives it its shape.
 */
export class ServiceError extends Error {
  readonly code: string;
  readonly status: number;
  /** Further members of the error shape (JSON protocols). */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    status = 400,
    members: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.name = 'ServiceError';
    this.code = code;
    this.status = status;
    this.members = members;
  }
}
