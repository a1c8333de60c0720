import { ApiResponse } from '@nestjs/swagger';
import type { StandardSchemaV1 } from '@standard-schema/spec';

export interface ApiAnswerOptions {
  /** 200 if left out. */
  readonly status?: number;
  readonly description?: string;
}

/** A handler that gives what `S` publishes, at once or later. */
type Answering<S extends StandardSchemaV1> = (
  ...args: never[]
) => StandardSchemaV1.InferOutput<S> | Promise<StandardSchemaV1.InferOutput<S>>;

/**
 * Publishes what a route answers in the API's description. A handler that gives something else does not compile. A route that answers
 * with several statuses has one of these for each.
 */
export function ApiAnswer<S extends StandardSchemaV1>(schema: S, { status = 200, description = '' }: ApiAnswerOptions = {}) {
  return <T extends Answering<S>>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<T>): void => {
    ApiResponse({ status, description, standardSchema: schema })(target, key, descriptor);
  };
}
