import type { OpenAPIObject } from '@nestjs/swagger';
import { EITHER } from './sends-events.decorator.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Response = Exclude<Operation['responses'][string], { $ref: string } | undefined>;

/** Puts the events of routes that answer with JSON or with a stream beside the JSON: two kinds of content of one answer. */
export function describeEvents(document: OpenAPIObject): OpenAPIObject {
  for (const { responses } of Object.values(document.paths).flatMap((path) => Object.values(path) as Operation[])) {
    const { [EITHER]: events, 200: answer } = responses as Record<string, Response | undefined>;
    if (!events?.content || !answer) continue;
    const [stream] = Object.values(events.content);
    if (stream) answer.content = { ...answer.content, 'text/event-stream': stream };
    answer.description = [answer.description, `As a stream: ${events.description}`].filter(Boolean).join(' ');
    Reflect.deleteProperty(responses, EITHER);
  }
  return document;
}
