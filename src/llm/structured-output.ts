import { z } from 'zod';
import { DomainError } from '../problems/index.js';

/** What tells an OpenAI-compatible server to keep to the schema. Providers that do not know it ignore it; the prompt says it too. */
export function responseFormat(name: string, schema: z.ZodType): { response_format: object } {
  return { response_format: { type: 'json_schema', json_schema: { name, strict: true, schema: strictSchema(schema) } } };
}

/** Strict mode refuses length limits on strings. They still hold: what comes back is checked against the whole schema. */
function strictSchema(schema: z.ZodType): object {
  return z.toJSONSchema(schema, {
    override: ({ jsonSchema }) => {
      delete jsonSchema.minLength;
      delete jsonSchema.maxLength;
    },
  });
}

/** Reads a model's answer, also from inside a Markdown fence. Throws `DomainError('invalid_model_output')` naming the first misfit. */
export function parseJson<S extends z.ZodType>(text: string, schema: S): z.infer<S> {
  const parsed = schema.safeParse(toJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw misfit(`/${(issue?.path ?? []).join('/')}: ${issue?.message ?? 'does not fit'}`);
}

function toJson(text: string): unknown {
  const body = /^\s*```(?:json)?\s*([\s\S]*?)\s*```\s*$/.exec(text)?.[1] ?? text;
  try {
    return JSON.parse(body);
  } catch {
    throw misfit('it is not JSON');
  }
}

function misfit(why: string): DomainError {
  return new DomainError('invalid_model_output', `The language model's answer does not fit the schema: ${why}.`);
}
