import { fastify } from 'fastify';
import type { Answer } from '../../src/testing/index.js';

interface Schema {
  readonly $ref?: string;
  readonly enum?: readonly string[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Response {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Response>> }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** What a route may answer, as it is published: a status, a media type and the shape of the body. */
export interface PublishedAnswer {
  readonly status: number;
  readonly type: string;
  readonly schema: Schema;
  /** Of a problem. */
  readonly codes: readonly string[];
}

/** Takes values as they are: the framework would convert and complete them. */
const AS_IT_IS = { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: false } as const;

/** The API as `/docs-json` describes it. A route is `POST /api/quizzes/generate`. */
export class PublishedApi {
  readonly #routes = new Map<string, readonly PublishedAnswer[]>();

  private constructor(readonly document: Document) {
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, { responses }] of Object.entries(operations)) {
        this.#routes.set(`${method.toUpperCase()} ${path}`, Object.entries(responses).flatMap(toAnswers));
      }
    }
  }

  static async at(url: string): Promise<PublishedApi> {
    return new PublishedApi((await (await fetch(`${url}/docs-json`)).json()) as Document);
  }

  get routes(): string[] {
    return [...this.#routes.keys()];
  }

  answersOf(route: string): readonly PublishedAnswer[] {
    return this.#routes.get(route) ?? [];
  }

  codesOf(route: string): string[] {
    return this.answersOf(route).flatMap(({ codes }) => codes);
  }

  /** What is wrong with an answer by what is published of its route; `undefined` when it is as published. */
  async misfitOf(route: string, { status, headers, text }: Answer): Promise<string | undefined> {
    const type = headers['content-type']?.split(';')[0] ?? '';
    const published = this.answersOf(route).find((each) => each.status === status && each.type === type);
    return published ? await this.#misfit(published.schema, text) : `${route} does not say that it answers ${status} with ${type}`;
  }

  /** By the validator that comes with the framework. */
  async #misfit(schema: Schema, payload: string): Promise<string | undefined> {
    const { components } = this.document;
    const app = fastify({ ajv: { customOptions: AS_IT_IS } });
    app.post('/', { schema: { body: asJsonSchema({ ...schema, components }) } }, () => '');
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json' }, payload });
    return statusCode === 200 ? undefined : body;
  }
}

function toAnswers([status, { content = {} }]: [string, Response]): PublishedAnswer[] {
  return Object.entries(content).map(([type, { schema = {} }]) => ({ status: Number(status), type, schema, codes: codesIn(schema) }));
}

function codesIn({ properties, allOf = [] }: Schema): string[] {
  return [...(properties?.code?.enum ?? []), ...allOf.flatMap(codesIn)];
}

/** OpenAPI 3.0 says `nullable` beside a reference, which the validator does not know. */
function asJsonSchema(schema: object): object {
  return JSON.parse(JSON.stringify(schema), (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('nullable' in value) || 'type' in value) return value;
    const { nullable, ...other } = value;
    return nullable === true ? { anyOf: [other, { type: 'null' }] } : other;
  }) as object;
}
