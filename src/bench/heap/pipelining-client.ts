import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const REQUEST = 'GET /wait HTTP/1.1\r\nhost: bench\r\n\r\n';
const ANSWER = 'HTTP/1.1 200';

/** A raw connection that sends its requests together and counts the answers: the client must cost less than the server. */
export class PipeliningClient {
  readonly #socket: Socket;
  #answers = 0;
  #onAnswer: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    // An answer here is smaller than a segment, and each begins a write of its own.
    socket.setEncoding('latin1').on('data', (text: string) => this.#onData(text));
    socket.on('error', () => socket.destroy());
  }

  static async connect(port: number): Promise<PipeliningClient> {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    await once(socket, 'connect');
    return new PipeliningClient(socket);
  }

  send(requests: number): void {
    this.#answers = 0;
    this.#socket.write(REQUEST.repeat(requests));
  }

  /** Resolves when so many of the requests last sent have been answered. */
  answered(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswer = () => {
        if (this.#answers >= count) resolve();
      };
      this.#onAnswer();
    });
  }

  /** Leaves politely (FIN), or with a reset. */
  hangUp(how: 'fin' | 'reset'): void {
    if (how === 'fin') this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #onData(text: string): void {
    this.#answers += text.split(ANSWER).length - 1;
    this.#onAnswer();
  }
}
