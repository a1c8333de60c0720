import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface Identity {
  readonly key: string;
  readonly cert: string;
}

const ED25519 = sequence(tagged(0x06, Buffer.from('2b6570', 'hex')));
const COMMON_NAME = Buffer.from('550403', 'hex');
const SUBJECT_ALT_NAME = Buffer.from('551d11', 'hex');
const DAY_MS = 86_400_000;

/** A fresh key, and a certificate over it for one host name, which is its own authority for a day (RFC 5280). */
export function selfSigned(host: string): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const name = sequence(tagged(0x31, sequence(tagged(0x06, COMMON_NAME), tagged(0x0c, Buffer.from(host)))));
  const hosts = sequence(tagged(0x82, Buffer.from(host)));
  const content = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ED25519,
    name,
    sequence(moment(-DAY_MS), moment(DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(sequence(tagged(0x06, SUBJECT_ALT_NAME), tagged(0x04, hosts)))),
  );
  const signature = tagged(0x03, Buffer.concat([Buffer.from([0]), sign(null, content, privateKey)]));
  const body = sequence(content, ED25519, signature).toString('base64').replace(/.{64}/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
  };
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

/** DER: what it is, how long it is, what it holds. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function moment(fromNowMs: number): Buffer {
  const digits = new Date(Date.now() + fromNowMs).toISOString().replace(/[-:T]|\.\d+/g, '');
  return tagged(0x18, Buffer.from(digits));
}
