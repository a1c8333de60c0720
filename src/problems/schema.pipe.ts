import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { DomainError } from './domain-error.js';
import type { FieldError } from './problem.js';

/**
 * Validates what a handler declares with `@Body({ schema })`, `@Query({ schema })` or `@Param(name, { schema })`. Nest's own pipe
 * loses the parameter's name; this one answers with pointers such as `/body/question_count`.
 */
@Injectable()
export class SchemaPipe implements PipeTransform {
  async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const schema = (metadata as { schema?: StandardSchemaV1 }).schema;
    if (!schema) return value;
    const result = await schema['~standard'].validate(value);
    if (!result.issues) return result.value;
    const errors = result.issues.map((issue) => toFieldError(issue, metadata));
    const [first] = errors;
    throw new DomainError('validation_failed', first ? `${first.pointer}: ${first.detail}` : 'The request is not valid.', { errors });
  }
}

function toFieldError(issue: StandardSchemaV1.Issue, { type, data }: ArgumentMetadata): FieldError {
  const path = (issue.path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  return { pointer: ['', type, ...(data ? [data] : []), ...path].join('/'), detail: issue.message };
}
