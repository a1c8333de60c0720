export { ApiAnswer } from './api-answer.decorator.js';
export { ApiProblems } from './api-problems.decorator.js';
export { describeProblems } from './describe-problems.js';
export { DomainError } from './domain-error.js';
export type { ProblemCode } from './problem-status.js';
export { PROBLEM_JSON, type FieldError, type Problem } from './problem.js';
export { ProblemFilter } from './problem.filter.js';
export { SchemaPipe } from './schema.pipe.js';
export { toProblem } from './to-problem.js';
