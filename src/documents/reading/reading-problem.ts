import { DomainError } from '../../problems/index.js';
import type { ParserFailure } from './parser-messages.js';

/** The failure of a document, in the words of whoever uploaded it. `cause` is what the parser said. */
export function toReadingProblem(failure: ParserFailure, cause?: unknown): DomainError {
  switch (failure) {
    case 'encrypted':
      return new DomainError(
        'document_encrypted',
        'The document is protected by a password. Save a copy without one and upload that.',
        {},
        { cause },
      );
    case 'damaged':
      return new DomainError(
        'document_damaged',
        'The document is damaged or no PDF at all, and cannot be read. Export it again and upload the new file.',
        {},
        { cause },
      );
    case 'too_complex':
      return new DomainError(
        'document_too_complex',
        'The document takes more time or memory than a document may. Print it to a new PDF, or split it, and upload that.',
        {},
        { cause },
      );
    case 'too_long':
      return new DomainError(
        'document_too_long',
        'The document has more pages or more text than a document may. Split it and upload the parts.',
        {},
        { cause },
      );
  }
}
