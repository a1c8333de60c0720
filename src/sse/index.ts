export { EventBuffer, IDLE } from './event-buffer.js';
export { EventStream, type EventStreamOptions, type ServerEvent } from './event-stream.js';
export { SendsEvents } from './sends-events.decorator.js';
