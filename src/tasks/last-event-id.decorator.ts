import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { DomainError } from '../problems/index.js';
import { parseEventId, type EventPosition } from './events/index.js';

interface Request {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly query: unknown;
}

/**
 * The last event that a client has heard of a task, from `Last-Event-ID`, or from the query for those who cannot set headers; `undefined`
 * for one that has heard nothing. Throws `validation_failed` that names where it is from.
 */
export const LastEventId = createParamDecorator((_: unknown, context: ExecutionContext): EventPosition | undefined => {
  const { headers, query } = context.switchToHttp().getRequest<Request>();
  const header = headers['last-event-id'];
  if (header !== undefined && header !== '') return read(header, '/header/last-event-id');
  const { last_event_id: param } = (query ?? {}) as { readonly last_event_id?: unknown };
  return param === undefined || param === '' ? undefined : read(param, '/query/last_event_id');
});

function read(value: unknown, pointer: string): EventPosition {
  const position = typeof value === 'string' ? parseEventId(value) : undefined;
  if (position) return position;
  const detail = 'must be the id of an event, such as 1-17';
  throw new DomainError('validation_failed', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}
