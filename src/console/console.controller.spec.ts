import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { ConsoleModule } from './console.module.js';

describe('a console that was not built', () => {
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [ConsoleModule] }).compile();
    app = await module.createNestApplication<NestFastifyApplication>(new FastifyAdapter()).init();
  });
  afterAll(() => app.close());

  it.each(['/console', '/console/app/console/page/main.js', '/console/page/main.ts'])(
    "says so, and is in nobody's way: %s",
    async (url) => {
      const { statusCode, body } = await app.inject({ url });
      expect(statusCode).toBe(404);
      expect(body).toContain('The console is not built');
    },
  );
});
