import { describe, expect, it } from '@jest/globals';
import { countImageTokens } from './count-image-tokens.js';
import { imageSize } from './image-size.js';
import { countPromptTokens, countTokens } from './index.js';

/** As much of a PNG as says how large it is. */
function png(width: number, height: number): Buffer {
  const header = Buffer.alloc(24);
  header.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  header.writeUInt32BE(width, 16);
  header.writeUInt32BE(height, 20);
  return header;
}

/** A JPEG with a thumbnail of another size in its EXIF, padding, and a table before the frame. */
function jpeg(width: number, height: number, startOfFrame = 0xc0): Buffer {
  const thumbnail = segment(0xc0, [8, 0, 120, 0, 160, 3]);
  const frame = [8, height >> 8, height & 0xff, width >> 8, width & 0xff, 3];
  const parts = [segment(0xe1, thumbnail), Buffer.from([0xff, 0xff]), segment(0xc4, [1, 2, 3, 4, 5, 6]), segment(startOfFrame, frame)];
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...parts]);
}

function segment(marker: number, body: Iterable<number>): Buffer {
  const bytes = Buffer.from([...body]);
  return Buffer.concat([Buffer.from([0xff, marker, (bytes.length + 2) >> 8, (bytes.length + 2) & 0xff]), bytes]);
}

const urlOf = (bytes: Buffer): string => `data:image/png;base64,${bytes.toString('base64')}`;

describe('imageSize', () => {
  it('reads the size of a PNG', () => expect(imageSize(png(1240, 1754))).toEqual({ width: 1240, height: 1754 }));

  it.each([0xc0, 0xc1, 0xc2])('reads the size of a JPEG whose frame begins with %i, not that of its thumbnail', (startOfFrame) => {
    expect(imageSize(jpeg(1240, 1754, startOfFrame))).toEqual({ width: 1240, height: 1754 });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a text', Buffer.from('%PDF-1.7 and whatever follows it')],
    ['a PNG that was cut off', png(1240, 1754).subarray(0, 20)],
    ['a JPEG that was cut off', jpeg(1240, 1754).subarray(0, -4)],
    ['a JPEG with something else where a segment should be', Buffer.from([0xff, 0xd8, 1, 2, 3, 4, 5, 6])],
  ])('knows no size of %s', (_, bytes) => expect(imageSize(bytes)).toBeUndefined());
});

describe('countImageTokens', () => {
  it.each([
    ['gpt-4o', 1024, 1024, 765],
    ['gpt-4o', 2048, 4096, 1105],
    ['gpt-4o', 128, 64, 255],
    ['gpt-4.1', 512, 512, 255],
    ['llava', 513, 512, 425],
    ['gpt-4o-mini', 128, 64, 8500],
    ['gpt-4o-mini-2024-07-18', 1024, 1024, 25_501],
    ['gpt-4.1-mini', 1024, 1024, 1659],
    ['gpt-4.1-mini', 4000, 6000, 2489],
  ])('counts for %s an image of %i by %i as %i', (model, width, height, tokens) => {
    expect(countImageTokens(urlOf(png(width, height)), model)).toBe(tokens);
  });

  it.each(['https://images.example/page.png', 'data:image/png;base64,', 'no address'])(
    'takes for a page what it cannot read: %s',
    (url) => {
      expect(countImageTokens(url, 'gpt-4o')).toBe(countImageTokens(urlOf(png(1240, 1754)), 'gpt-4o'));
    },
  );
});

describe('countPromptTokens', () => {
  it('adds the images of a message to its texts', () => {
    const content = [
      { type: 'text', text: 'What stands here?' },
      { type: 'image_url', image_url: { url: urlOf(png(1024, 1024)) } },
    ];
    const words = countPromptTokens([{ role: 'user', content: 'What stands here?' }]);
    expect(words).toBe(3 + 3 + countTokens('user') + countTokens('What stands here?'));
    expect(countPromptTokens([{ role: 'user', content }], 'gpt-4o')).toBe(words + 765);
    expect(countPromptTokens([{ role: 'user', content }], 'gpt-4o-mini')).toBe(words + 25_501);
  });
});
