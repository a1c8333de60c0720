import { describe, expect, it } from '@jest/globals';
import { SseParser, type SseEvent } from './sse-parser.js';

function parse(...pieces: string[]): SseEvent[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

const message = (data: string, over: Partial<SseEvent> = {}): SseEvent => ({ id: '', type: 'message', data, ...over });

describe('a parser of server-sent events', () => {
  it.each([
    ['the three ends of a line', 'data: a\n\ndata: b\r\n\r\ndata: c\r\r', [message('a'), message('b'), message('c')]],
    ['several lines of data', 'data: a\ndata\ndata:b\n\n', [message('a\n\nb')]],
    ['one blank after the colon, and no more', 'data:  a\n\n', [message(' a')]],
    ['a name, and only for its own event', 'event: x\ndata: a\n\ndata: b\n\n', [message('a', { type: 'x' }), message('b')]],
    [
      'an id, and for all events after it',
      'id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n',
      [message('a', { id: '1' }), message('b', { id: '1' }), message('c')],
    ],
    ['no id that has NUL in it', 'id: 1\nid: 2\0\ndata: a\n\n', [message('a', { id: '1' })]],
    ['comments, and fields that it does not know', ': ping\n\nretry: 5\nfoo: bar\ndata: a\n\n', [message('a')]],
    ['an event without data as none', 'event: x\nid: 7\n\ndata: a\n\n', [message('a', { id: '7' })]],
    ['empty data as an event', 'data\n\n', [message('')]],
    ['a byte order mark at the beginning alone', '\uFEFFdata: a\n\n\uFEFFdata: b\n\n', [message('a')]],
    ['nothing of an event that is not complete', 'data: a\n\ndata: b\n', [message('a')]],
  ])('knows %s', (_, text, events) => {
    expect(parse(text)).toEqual(events);
  });

  it('gives the same however the text is cut, also between the halves of a line’s end', () => {
    const text = ': hi\r\nid: 1-1\r\nevent: text-delta\r\ndata: {"text":"谢谢"}\r\n\r\nid: 1-2\rdata: b\r\rdata: c\n\n';
    const whole = parse(text);
    expect(whole).toHaveLength(3);
    for (let at = 0; at <= text.length; at += 1) expect(parse(text.slice(0, at), '', text.slice(at))).toEqual(whole);
    expect(parse(...text.split(/(?=[^])/u))).toEqual(whole);
  });
});
