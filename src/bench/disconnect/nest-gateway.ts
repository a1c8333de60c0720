import { Controller, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AbortModule, RequestSignal } from '../../abort/index.js';
import { ConfigModule, loadConfig } from '../../config/index.js';
import { Models } from '../../llm/index.js';
import { eventLoop } from '../harness/event-loop.js';
import { serve } from '../harness/serve.js';
import type { ContestantApi } from './contestants.js';

@Controller()
class TellController {
  constructor(private readonly models: Models) {}

  @Post()
  async *tell(@RequestSignal() signal: AbortSignal): AsyncGenerator<string> {
    for await (const { text } of await this.models.chat.stream('Tell me about the sea.', { signal })) yield text;
  }
}

function modelsAt(modelUrl: string) {
  const config = loadConfig({ OPENAI_API_KEY: 'bench', OPENAI_BASE_URL: modelUrl });
  @Module({ imports: [ConfigModule.forRoot(config), AbortModule.forRoot({})], controllers: [TellController], providers: [Models] })
  class GatewayModule {}
  return GatewayModule;
}

/** The module and the real model client, with nothing between them. */
const api = {
  ...eventLoop,
  async start(modelUrl: string) {
    const app = await NestFactory.create(modelsAt(modelUrl), new FastifyAdapter({ forceCloseConnections: true }), { logger: false });
    await app.listen(0, '127.0.0.1');
    return { url: `${await app.getUrl()}/`, headers: {}, body: '{}' };
  },
} satisfies ContestantApi;

serve(api);
