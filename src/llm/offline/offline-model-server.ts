import { humanPace, type Pace } from './human-pace.js';
import { ModelServer } from './model-server.js';
import { OfflineModel } from './offline-model.js';

/** The ids under which the offline model answers. */
export const OFFLINE_CHAT_MODEL = 'hangup-offline';
export const OFFLINE_EMBEDDING_MODEL = 'hangup-offline-embedding';

/** What a person sees of a hosted model. */
const HUMAN: Pace = { firstTokenMs: 350, tokensPerSecond: 60 };

export interface OfflineModelOptions extends Partial<Pace> {
  /** Default 0: any free port. */
  readonly port?: number;
}

/** A running offline model, at a human pace (350 ms to the first token, then 60 a second) unless told otherwise. `stop()` ends it. */
export async function startOfflineModel(options: OfflineModelOptions = {}): Promise<ModelServer> {
  const { firstTokenMs = HUMAN.firstTokenMs, tokensPerSecond = HUMAN.tokensPerSecond, port } = options;
  const model = new OfflineModel();
  const server = new ModelServer({
    answer: (request) => model.answer(request),
    embed: (input) => model.embed(input),
    hooks: humanPace({ firstTokenMs, tokensPerSecond }),
    models: [OFFLINE_CHAT_MODEL, OFFLINE_EMBEDDING_MODEL],
    port,
  });
  await server.start();
  return server;
}
