import { eventLogs } from '../support/event-logs.js';
import { testEventLog } from './event-log.contract.js';

for (const each of eventLogs) testEventLog(each);
