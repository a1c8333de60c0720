import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { serve } from '../harness/serve.js';
import { OverheadModule, type Variant } from './apps.js';

const variant = process.argv[2] as Variant;
const adapter = new FastifyAdapter({ forceCloseConnections: true });
const app = await NestFactory.create(OverheadModule.of(variant), adapter, { logger: false });

/** The server of one variant, in a process of its own. */
const api = {
  async start(): Promise<string> {
    await app.listen(0, '127.0.0.1');
    return await app.getUrl();
  },
  /** Microseconds of processor time since the process began. */
  cpu(): number {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
};
export type OverheadServer = typeof api;

serve(api, () => app.close());
