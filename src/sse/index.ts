export { describeEvents } from './describe-events.js';
export { EventStream, IDLE, type EventStreamOptions, type ServerEvent, type ServerEvents } from './event-stream.js';
export { sendEvents, type EventReply } from './send-events.js';
export { AnswersWithEvents, sendAsEvents, SendsEvents, wantsEvents } from './sends-events.decorator.js';
