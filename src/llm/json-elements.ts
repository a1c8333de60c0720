import { JSONParser } from '@streamparser/json';

/** Which list of an answer is told of, element by element. */
export interface ElementsOf {
  /** The field of the answer that has the list. */
  readonly list: string;
  /** Called in order, with each element and its place from 0. Whether it fits anything is for the caller to see. */
  readonly onElement: (value: unknown, index: number) => void;
}

/**
 * The elements of a list in a JSON answer, each as soon as its last character has come. What stands around the answer, such as a Markdown
 * fence, is passed over. An answer that turns out to be no JSON just yields no more elements: the whole of it is judged elsewhere.
 */
export class JsonElements {
  readonly #parser: JSONParser;
  #hasBegun = false;

  constructor({ list, onElement }: ElementsOf) {
    this.#parser = new JSONParser({ paths: [`$.${list}.*`], keepStack: false });
    this.#parser.onValue = ({ value, key }) => {
      // An object in the place of the list has names where a list has numbers.
      if (typeof key === 'number') onElement(value, key);
    };
    this.#parser.onError = ignore;
  }

  write(piece: string): void {
    const start = this.#hasBegun ? 0 : piece.indexOf('{');
    if (start < 0) return;
    this.#hasBegun = true;
    this.#parser.write(piece.slice(start));
  }
}

/** Left to itself the parser throws. */
function ignore(): void {
  // The whole answer is judged elsewhere.
}
