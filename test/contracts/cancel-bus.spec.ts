import { openBus } from '../../src/tasks/bus/index.js';
import { busServers } from '../support/bus-servers.js';
import { testCancelBus } from './cancel-bus.contract.js';

testCancelBus({
  kind: 'in-process',
  isAlone: true,
  isHere: true,
  open: () =>
    Promise.resolve({
      bus: () => openBus({ kind: 'in-process' }),
      say: () => Promise.resolve(),
      connections: () => Promise.resolve(0),
      close: () => Promise.resolve(),
    }),
});

for (const server of busServers) testCancelBus({ ...server, isAlone: false });
