import { Header, HttpCode } from '@nestjs/common';
import { ApiProduces, ApiResponse } from '@nestjs/swagger';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { EventReply } from './send-events.js';

/** No cache and no proxy may keep events back. */
const HEADERS = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform', 'X-Accel-Buffering': 'no' };

/** For an answer that is a stream of events only where its client asks for one. */
export function sendAsEvents(reply: Pick<EventReply, 'header'>): void {
  for (const [name, value] of Object.entries(HEADERS)) reply.header(name, value);
}

/** Does an `Accept` header ask for events by their name, and not rather for JSON? */
export function wantsEvents(accept: string | undefined): boolean {
  const quality = qualityOf('text/event-stream', accept);
  return quality > 0 && quality >= qualityOf('application/json', accept);
}

function qualityOf(type: string, accept = ''): number {
  const ranges = accept.split(',').map((range) => range.split(';').map((part) => part.trim().toLowerCase()));
  const [, ...parameters] = ranges.find(([name]) => name === type) ?? ['', 'q=0'];
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  return quality === undefined ? 1 : Number(quality.slice(2)) || 0;
}

/** Where the events of a route that answers with JSON too stand in a description that is not complete yet. */
export const EITHER = '2XX';

/**
 * For a handler with `@Res()` that sends events of what `events` publishes where its client asks for them, and what `answer` publishes to
 * others.
 */
export function AnswersWithEvents(answer: StandardSchemaV1, events: StandardSchemaV1, description: string) {
  return <T extends (...args: never[]) => Promise<void>>(target: object, key: string, descriptor: TypedPropertyDescriptor<T>): void => {
    ApiResponse({ status: 200, description: '', standardSchema: answer })(target, key, descriptor);
    ApiResponse({ status: EITHER, description, standardSchema: events })(target, key, descriptor);
  };
}

/** For a handler with `@Res()` that sends events of what `schema` publishes: each event, with its name as `type`. */
export function SendsEvents(schema: StandardSchemaV1, description: string) {
  const all = [
    HttpCode(200),
    ...Object.entries(HEADERS).map(([name, value]) => Header(name, value)),
    ApiProduces('text/event-stream'),
    ApiResponse({ status: 200, description, standardSchema: schema }),
  ];
  return <T extends (...args: never[]) => Promise<void>>(target: object, key: string, descriptor: TypedPropertyDescriptor<T>): void => {
    for (const decorate of all) decorate(target, key, descriptor);
  };
}
