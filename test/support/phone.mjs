// A phone, as a process of its own that is run in a network of its own: `node phone.mjs URL TOKEN BODY HOW`.
// What it hears goes to standard output, and in the end whether that was all.
import { request } from 'node:http';

const LITTLE = 512;
const NOW_AND_THEN_MS = 50;

const [url, token, body, how] = process.argv.slice(2);
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };

function listen(response) {
  if (how === 'slow') readSlowly(response);
  else response.on('data', (data) => process.stdout.write(data));
  response.once('close', () => process.stdout.write(response.complete ? '\nWHOLE\n' : '\nBROKEN\n'));
}

function readSlowly(response) {
  const timer = setInterval(() => {
    const data = response.read(LITTLE) ?? response.read();
    if (data) process.stdout.write(data);
  }, NOW_AND_THEN_MS);
  response.once('close', () => clearInterval(timer));
}

request(url, { method: 'POST', headers })
  .once('response', listen)
  .on('error', ({ code }) => process.stdout.write(`\nBROKEN ${code}\n`))
  .end(body);
