import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, HttpException, Module, type LoggerService } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DomainError } from './domain-error.js';
import { ProblemFilter } from './problem.filter.js';

const INTERNAL = {
  type: 'about:blank',
  title: 'Internal error',
  status: 500,
  code: 'internal_error',
  detail: 'Something failed that should not have. It has been logged.',
};

/** What the only route throws. */
let failure: unknown;

@Controller()
class FailingController {
  @Get('fail')
  fail(): never {
    throw failure;
  }
}

@Module({ controllers: [FailingController], providers: [{ provide: APP_FILTER, useClass: ProblemFilter }] })
class FailingModule {}

describe('a failure', () => {
  let app: NestFastifyApplication;
  const errors: unknown[] = [];

  beforeAll(async () => {
    const nothing = (): void => undefined;
    const logger: LoggerService = { log: nothing, warn: nothing, error: (line: unknown) => errors.push(line) };
    app = await NestFactory.create<NestFastifyApplication>(FailingModule, new FastifyAdapter(), { logger });
    await app.init();
  });
  beforeEach(() => {
    errors.length = 0;
  });
  afterAll(() => app.close());

  async function answerTo(error: unknown) {
    failure = error;
    return await app.inject({ method: 'GET', url: '/fail' });
  }

  it('of ours is a problem with its code, its status and its own words, and no line in the log', async () => {
    const answer = await answerTo(new DomainError('quiz_not_found', 'There is no quiz 7.'));
    expect(answer.statusCode).toBe(404);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.json()).toEqual({
      type: 'about:blank',
      title: 'Not found',
      status: 404,
      code: 'quiz_not_found',
      detail: 'There is no quiz 7.',
    });
    expect(errors).toEqual([]);
  });

  it('of a request names its fields', async () => {
    const fields = [{ pointer: '/body/book_id', detail: 'is missing' }];
    const answer = await answerTo(new DomainError('validation_failed', 'No.', { errors: fields }));
    expect(answer.json()).toMatchObject({ status: 400, errors: fields });
  });

  it('that passes says when, in whole seconds', async () => {
    const answer = await answerTo(new DomainError('upstream_rate_limited', 'Busy.', { retryAfterSeconds: 1.2 }));
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('2');
  });

  it('to say who asks is answered with how to say it', async () => {
    expect((await answerTo(new DomainError('unauthorized', 'Who?'))).headers['www-authenticate']).toBe('Bearer');
    expect((await answerTo(new DomainError('quiz_not_found', 'No.'))).headers['www-authenticate']).toBeUndefined();
  });

  it.each([
    [400, 'bad_request', 'Bad request'],
    [401, 'unauthorized', 'Unauthorized'],
    [403, 'forbidden', 'Forbidden'],
    [404, 'route_not_found', 'Route not found'],
    [405, 'method_not_allowed', 'Method not allowed'],
    [406, 'not_acceptable', 'Not acceptable'],
    [409, 'conflict', 'Conflict'],
    [413, 'payload_too_large', 'Payload too large'],
    [414, 'uri_too_long', 'Uri too long'],
    [415, 'unsupported_media_type', 'Unsupported media type'],
    [418, 'bad_request', 'Bad request'],
    [422, 'unprocessable', 'Unprocessable'],
    [429, 'too_many_requests', 'Too many requests'],
  ])('of the framework with status %i has the code %s, from Nest and from Fastify alike', async (status, code, title) => {
    for (const error of [new HttpException('words', status), Object.assign(new Error('words'), { statusCode: status })]) {
      expect((await answerTo(error)).json()).toEqual({ type: 'about:blank', title, status, code, detail: 'words' });
    }
    expect(errors).toEqual([]);
  });

  it.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', '57P01', '57P03', '53300'])(
    'with the code %s is a database that does not answer, without its words',
    async (code) => {
      const answer = await answerTo(Object.assign(new Error('connect to db.internal'), { code }));
      expect(answer.json()).toMatchObject({ status: 503, code: 'database_unavailable' });
      expect(answer.body).not.toContain('db.internal');
      expect(errors).toEqual([]);
    },
  );

  it.each([
    'timeout exceeded when trying to connect',
    'Connection terminated unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'Connection terminated due to connection timeout',
  ])('in the words of the pool is a database that does not answer: %s', async (message) => {
    expect((await answerTo(new Error(message))).json()).toMatchObject({ status: 503, code: 'database_unavailable' });
  });

  it.each([
    ['an error', new Error('the password is hunter2')],
    ['an error with a status of its own', Object.assign(new Error('the password is hunter2'), { statusCode: 503 })],
    ['an exception for 500', new HttpException('the password is hunter2', 500)],
    ['a code that has no status', new DomainError('no_such_code', 'the password is hunter2')],
    ['a text', 'the password is hunter2'],
    ['an object', { password: 'hunter2' }],
    ['null', null],
    ['nothing', undefined],
  ])('that nobody foresaw (%s) is a 500 without details, and one error in the log with them', async (_, error) => {
    const answer = await answerTo(error);
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toEqual(INTERNAL);
    expect(errors).toEqual([{ err: error, msg: '[http] Unexpected failure' }]);
  });
});
