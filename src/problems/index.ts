export { DomainError } from './domain-error.js';
export type { FieldError, Problem } from './problem.js';
export { ProblemFilter } from './problem.filter.js';
export { SchemaPipe } from './schema.pipe.js';
