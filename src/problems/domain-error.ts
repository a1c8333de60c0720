import type { FieldError } from './problem.js';

/** A failure that a caller can act on. Knows no HTTP: `code` decides the status in one place, the problem filter. */
export class DomainError extends Error {
  override readonly name: string = 'DomainError';

  constructor(
    readonly code: string,
    message: string,
    readonly details: { readonly retryAfterSeconds?: number; readonly errors?: readonly FieldError[] } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
