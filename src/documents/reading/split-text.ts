const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3001-\u301f\uff01-\uff60]/gu;
const CJK_WEIGHT = 2.4;
/** With the white space behind it, so that nothing is lost. */
const SENTENCE = /[^.!?。！？…]*(?:[.!?…]+["'”’)]*(?:\s+|$)|[。！？…]+["'”’」』）]*\s*|[.!?…]+)|[^.!?。！？…]+$/gu;
const WORD = /\S+\s*|\s+/gu;

/** How much a text says, in Latin letters. */
export function weigh(text: string): number {
  return text.length + (CJK_WEIGHT - 1) * (text.match(CJK)?.length ?? 0);
}

/** The text in pieces of the weight `most` at most: cut between sentences, a longer sentence between words, a longer word anywhere. */
export function splitText(text: string, most: number): string[] {
  if (weigh(text) <= most) return [text];
  const sentences = (text.match(SENTENCE) ?? []).flatMap((sentence) => splitSentence(sentence, most));
  return join(sentences, most).map((piece) => piece.trim());
}

function splitSentence(sentence: string, most: number): string[] {
  if (weigh(sentence) <= most) return [sentence];
  const words = (sentence.match(WORD) ?? []).flatMap((word) => (weigh(word) <= most ? [word] : join(charactersOf(word), most)));
  return join(words, most);
}

function* charactersOf(word: string): Generator<string> {
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(word)) yield segment;
}

/** As many parts together as fit. */
function join(parts: Iterable<string>, most: number): string[] {
  const joined: string[] = [];
  let open = '';
  let room = most;
  for (const part of parts) {
    const weight = weigh(part);
    if (weight > room && open !== '') {
      joined.push(open);
      [open, room] = ['', most];
    }
    open += part;
    room -= weight;
  }
  return open === '' ? joined : [...joined, open];
}
