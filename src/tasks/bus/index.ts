export type { BusMessage } from './bus-message.js';
export { CancelBus } from './cancel-bus.js';
export { openBus, type BusConfig } from './open-bus.js';
