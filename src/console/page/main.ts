import { Console } from './console.js';
import { Session } from './session.js';

new Console(document.body, new Session(sessionStorage)).start();
