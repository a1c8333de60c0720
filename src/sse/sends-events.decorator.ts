import { Header, HttpCode } from '@nestjs/common';
import { ApiProduces, ApiResponse } from '@nestjs/swagger';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { EventStream, ServerEvent } from './event-stream.js';

/**
 * For a handler that returns an `EventStream` of what `schema` publishes: each event, with its name as `type`. No cache and no proxy
 * may keep events back.
 */
export function SendsEvents<E extends ServerEvent>(schema: StandardSchemaV1<unknown, E>, description: string) {
  const all = [
    HttpCode(200),
    Header('Content-Type', 'text/event-stream'),
    Header('Cache-Control', 'no-cache, no-transform'),
    Header('X-Accel-Buffering', 'no'),
    ApiProduces('text/event-stream'),
    ApiResponse({ status: 200, description, standardSchema: schema }),
  ];
  return <T extends (...args: never[]) => EventStream<E>>(target: object, key: string, descriptor: TypedPropertyDescriptor<T>): void => {
    for (const decorate of all) decorate(target, key, descriptor);
  };
}
