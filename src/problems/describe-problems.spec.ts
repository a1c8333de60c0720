import { beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, HttpCode, Module, Param, Post, Query } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ApiBearerAuth, ApiProduces, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { ApiAnswer, ApiProblems, describeProblems, PROBLEM_JSON } from './index.js';

const order = z.object({ count: z.int() }).meta({ id: 'Order' });
const receipt = z.object({ total: z.number(), order }).meta({ id: 'Receipt' });
const page = z.object({ limit: z.int() });
type Order = z.infer<typeof order>;
type Receipt = z.infer<typeof receipt>;

const receiptOf = (count: number): Receipt => ({ total: 2 * count, order: { count } });

@Controller('open')
class OpenController {
  @Get()
  @ApiAnswer(receipt)
  @ApiAnswer(receipt, { status: 503, description: 'Not yet' })
  @ApiProblems('database_unavailable')
  read(): Receipt {
    return receiptOf(1);
  }

  @Get('stream')
  @ApiProduces('text/event-stream')
  @ApiAnswer(receipt)
  stream(): Receipt {
    return receiptOf(1);
  }
}

@ApiBearerAuth()
@Controller('orders')
class OrdersController {
  @Post()
  @HttpCode(202)
  @ApiAnswer(receipt, { status: 202, description: 'Taken' })
  @ApiProblems('chapter_not_found', 'upstream_rate_limited', 'validation_failed')
  make(@Body({ schema: order }) { count }: Order): Promise<Receipt> {
    return Promise.resolve(receiptOf(count));
  }

  @Get()
  @ApiAnswer(receipt)
  list(@Query({ schema: page }) { limit }: z.infer<typeof page>): Receipt {
    return receiptOf(limit);
  }

  @Get(':id')
  @ApiAnswer(receipt)
  one(@Param('id', { schema: z.uuid() }) id: string): Receipt {
    return receiptOf(id.length);
  }

  // @ts-expect-error A handler must give what it publishes.
  @ApiAnswer(receipt)
  wrong(): { total: string } {
    return { total: '1' };
  }
}

@Controller('tasks')
class TasksController {
  @Post()
  @ApiAnswer(receipt, { status: 201, description: 'Made' })
  @ApiProblems('budget_exceeded', 'book_not_found', 'task_cancelled', 'task_exists', 'deadline_exceeded', 'upstream_timeout', 'draining')
  make(): Receipt {
    return receiptOf(1);
  }
}

@Module({ controllers: [OpenController, OrdersController, TasksController] })
class ShopModule {}

describe('the description of an API', () => {
  let document: OpenAPIObject;

  beforeAll(async () => {
    const app = await NestFactory.create(ShopModule, new FastifyAdapter(), { logger: false });
    document = describeProblems(SwaggerModule.createDocument(app, new DocumentBuilder().addBearerAuth().build()));
    await app.close();
  });

  interface Published {
    readonly description: string;
    readonly content?: Record<
      string,
      { readonly schema: { readonly allOf?: readonly [object, { properties: { code: { enum: string[] } } }] } }
    >;
  }
  const responsesOf = (path: string, method: 'get' | 'post' = 'get') =>
    document.paths[path]?.[method]?.responses as unknown as Record<string, Published>;
  /** The codes of the problems of a route, by their status. */
  const problemsOf = (path: string, method?: 'get' | 'post') =>
    Object.fromEntries(
      Object.entries(responsesOf(path, method)).flatMap(([status, { content }]) => {
        const codes = content?.[PROBLEM_JSON]?.schema.allOf?.[1].properties.code.enum;
        return codes ? [[Number(status), codes]] : [];
      }),
    );

  it('has answers under their status and media type, as components', () => {
    const content = { 'application/json': { schema: { $ref: '#/components/schemas/Receipt' } } };
    expect(responsesOf('/orders', 'post')['202']).toEqual({ description: 'Taken', content });
    expect(Object.keys(responsesOf('/open/stream')['200']?.content ?? {})).toEqual(['text/event-stream']);
    expect(Object.keys(document.components?.schemas ?? {}).sort()).toEqual(['Order', 'Problem', 'Receipt', 'StopProblem']);
  });

  it('has the problems that come with the shape of a route: with it alone, with a token, a query, a path and a body', () => {
    const secured = { 401: ['unauthorized'], 500: ['internal_error'], 503: ['auth_unavailable', 'database_unavailable'] };
    expect(problemsOf('/open/stream')).toEqual({ 500: ['internal_error'] });
    expect(problemsOf('/orders')).toEqual({ ...secured, 400: ['validation_failed'] });
    expect(problemsOf('/orders/{id}')).toEqual({ ...secured, 400: ['validation_failed', 'bad_request'], 414: ['uri_too_long'] });
  });

  it('has them together with the route`s own, each code once under its status', () => {
    expect(problemsOf('/orders', 'post')).toEqual({
      400: ['validation_failed', 'bad_request'],
      401: ['unauthorized'],
      404: ['chapter_not_found'],
      413: ['payload_too_large'],
      415: ['unsupported_media_type'],
      500: ['internal_error'],
      503: ['upstream_rate_limited', 'auth_unavailable', 'database_unavailable'],
    });
    expect(JSON.stringify(document)).not.toContain('x-problems');
  });

  it('has a problem as a component, narrowed to a status and its codes, with the titles for people', () => {
    expect(responsesOf('/orders', 'post')['404']).toEqual({
      description: 'Not found',
      content: {
        [PROBLEM_JSON]: {
          schema: {
            allOf: [
              { $ref: '#/components/schemas/Problem' },
              { type: 'object', properties: { status: { enum: [404] }, code: { enum: ['chapter_not_found'] } } },
            ],
          },
        },
      },
    });
    expect(responsesOf('/orders', 'post')['503']?.description).toBe(
      'The language model is busy. Tokens cannot be verified. The database is not reachable',
    );
  });

  it('has the receipt of a task with the problems that a stopped one is answered with, and with no other', () => {
    const ofA = (status: string) => responsesOf('/tasks', 'post')[status]?.content?.[PROBLEM_JSON]?.schema.allOf?.[0];
    for (const status of ['402', '409', '503', '504']) expect(ofA(status)).toEqual({ $ref: '#/components/schemas/StopProblem' });
    expect(ofA('404')).toEqual({ $ref: '#/components/schemas/Problem' });
    const { properties, required } = document.components?.schemas?.StopProblem as { properties: object; required: string[] };
    expect(properties).toMatchObject({ task_id: { format: 'uuid' }, receipt: { $ref: '#/components/schemas/Receipt' } });
    expect(required).toEqual((document.components?.schemas?.Problem as { required: string[] }).required);
  });

  it('keeps an answer that shares its status with a problem', () => {
    expect(Object.keys(responsesOf('/open')['503']?.content ?? {})).toEqual(['application/json', PROBLEM_JSON]);
  });
});
