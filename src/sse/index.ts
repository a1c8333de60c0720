export { describeEvents } from './describe-events.js';
export { EventStream, IDLE, type EventStreamOptions, type ServerEvent, type ServerEvents } from './event-stream.js';
export { AnswersWithEvents, sendAsEvents, SendsEvents, wantsEvents, type EventReply } from './sends-events.decorator.js';
