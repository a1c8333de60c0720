export { DomainError } from './domain-error.js';
export { PROBLEM_JSON, type FieldError, type Problem } from './problem.js';
export { ProblemFilter } from './problem.filter.js';
export { SchemaPipe } from './schema.pipe.js';
export { toProblem } from './to-problem.js';
