export type { Behaviour } from './behaviour.js';
export { eventually, type EventuallyOptions } from './eventually.js';
export { Gate } from './gate.js';
export { ScriptedModelServer, type CallMatch } from './scripted-model-server.js';
export { SocketClient, type Answer, type Call, type CallOptions } from './socket-client.js';
