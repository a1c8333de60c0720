import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { OWN_PROBLEMS } from './api-problems.decorator.js';
import { ABORTS, INTERNAL, kindOf } from './problem-status.js';
import { problem, PROBLEM_JSON, stopProblem } from './problem.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']> & { [OWN_PROBLEMS]?: readonly string[] };
type Response = Exclude<Operation['responses'][string], { $ref: string } | undefined>;
type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const COMPONENT = 'Problem';
/** A problem that may be that of a task which was stopped. */
const STOP_COMPONENT = 'StopProblem';
/** What routes publish receipts as. */
const RECEIPT = 'Receipt';

/** What may go wrong with any route that has such a part. Whoever has to say who asks also works on the database. */
const BY_SHAPE: readonly { readonly has: (operation: Operation) => boolean; readonly codes: readonly string[] }[] = [
  { has: () => true, codes: ['internal_error'] },
  { has: ({ security = [] }) => security.length > 0, codes: ['unauthorized', 'auth_unavailable', 'database_unavailable'] },
  { has: ({ parameters = [] }) => parameters.length > 0, codes: ['validation_failed'] },
  { has: hasPathParameter, codes: ['bad_request', 'uri_too_long'] },
  {
    has: ({ requestBody }) => requestBody !== undefined,
    codes: ['validation_failed', 'bad_request', 'payload_too_large', 'unsupported_media_type'],
  },
];

/**
 * Completes an API's description with what its routes answer instead: RFC 9457 problems, by status, each with the codes that can come.
 * They are those that `@ApiProblems` names and those that come with the shape of a route.
 */
export function describeProblems(document: OpenAPIObject): OpenAPIObject {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path) as Operation[]);
  const schemas: Record<string, Schema> = { ...document.components?.schemas, [COMPONENT]: toSchema(problem) };
  if (operations.some((operation) => codesOf(operation).some(isStop))) schemas[STOP_COMPONENT] = toStopSchema();
  document.components = { ...document.components, schemas };
  for (const operation of operations) complete(operation);
  return document;
}

function toSchema(type: z.ZodType): Schema {
  return z.toJSONSchema(type, { target: 'openapi-3.0' }) as Schema;
}

/** Receipts are those of tasks, of which nothing is known here but what they are published as. */
function toStopSchema(): Schema {
  const schema = toSchema(stopProblem) as { properties: Record<string, object> };
  return { ...schema, properties: { ...schema.properties, receipt: { $ref: getSchemaPath(RECEIPT) } } };
}

function isStop(code: string): boolean {
  return code in ABORTS;
}

function complete(operation: Operation): void {
  const byStatus = Map.groupBy(codesOf(operation), (code) => (kindOf(code) ?? INTERNAL).status);
  for (const [status, codes] of byStatus) {
    const { content } = (operation.responses[status] ?? {}) as Partial<Response>;
    operation.responses[status] = toResponse(status, codes, content);
  }
  Reflect.deleteProperty(operation, OWN_PROBLEMS);
}

function codesOf(operation: Operation): string[] {
  const general = BY_SHAPE.filter(({ has }) => has(operation)).flatMap(({ codes }) => codes);
  return [...new Set([...(operation[OWN_PROBLEMS] ?? []), ...general])];
}

function hasPathParameter({ parameters = [] }: Operation): boolean {
  return parameters.some((parameter) => 'in' in parameter && parameter.in === 'path');
}

function toResponse(status: number, codes: readonly string[], content: Response['content'] = {}): Response {
  const titles = new Set(codes.map((code) => (kindOf(code) ?? INTERNAL).title));
  const those = { type: 'object', properties: { status: { enum: [status] }, code: { enum: [...codes] } } };
  const schema = { allOf: [{ $ref: getSchemaPath(codes.some(isStop) ? STOP_COMPONENT : COMPONENT) }, those] };
  return { description: [...titles].join('. '), content: { ...content, [PROBLEM_JSON]: { schema } } };
}
