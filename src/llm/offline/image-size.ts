/** In pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const JPEG_SIGNATURE = Buffer.from([0xff, 0xd8]);
/** Markers of JPEG that no length follows: TEM, and RST0 to EOI. */
const STANDALONE = [0x01, ...Array.from({ length: 10 }, (_, index) => 0xd0 + index)];
/** Between SOF0 and SOF15 these begin no frame: DHT, JPG and DAC. */
const NO_FRAME = [0xc4, 0xc8, 0xcc];

/** The size of a PNG or JPEG as its own header says it; nothing for what is neither, or ends before it says it. */
export function imageSize(bytes: Buffer): ImageSize | undefined {
  if (bytes.subarray(0, 8).equals(PNG_SIGNATURE)) return sizeAt(bytes, 16, 4, 'width first');
  if (bytes.subarray(0, 2).equals(JPEG_SIGNATURE)) return jpegSize(bytes);
  return undefined;
}

/** Walks from segment to segment to the one that begins the frame (ITU-T T.81, B.2.2): thumbnails inside others are passed over. */
function jpegSize(bytes: Buffer): ImageSize | undefined {
  for (let place = 2; place + 4 <= bytes.length;) {
    if (bytes[place] !== 0xff) return undefined;
    const marker = bytes[place + 1] ?? 0;
    if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAME.includes(marker)) return sizeAt(bytes, place + 5, 2, 'height first');
    place += marker === 0xff ? 1 : STANDALONE.includes(marker) ? 2 : 2 + bytes.readUInt16BE(place + 2);
  }
  return undefined;
}

function sizeAt(bytes: Buffer, place: number, length: 2 | 4, order: 'width first' | 'height first'): ImageSize | undefined {
  if (place + 2 * length > bytes.length) return undefined;
  const [first, second] = [bytes.readUIntBE(place, length), bytes.readUIntBE(place + length, length)];
  return order === 'width first' ? { width: first, height: second } : { width: second, height: first };
}
