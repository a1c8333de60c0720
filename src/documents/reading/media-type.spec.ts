import { describe, expect, it } from '@jest/globals';
import { createCanvas } from '@napi-rs/canvas';
import { emptyFile, lateHeaderPdf, textFile, textPdf } from '../../../test/support/pdfs.js';
import { sniffMediaType } from './index.js';

describe('what a file is', () => {
  const canvas = createCanvas(2, 2);

  it.each<[string | undefined, string, () => Uint8Array | Promise<Uint8Array>]>([
    ['application/pdf', 'a PDF', () => textPdf(['Text.'])],
    ['application/pdf', 'a PDF whose header stands late', async () => lateHeaderPdf(await textPdf(['Text.']))],
    ['image/png', 'a PNG', () => canvas.toBuffer('image/png')],
    ['image/jpeg', 'a JPEG', () => canvas.toBuffer('image/jpeg')],
    [undefined, 'a text', () => textFile()],
    [undefined, 'a text about PDFs', () => textFile('The header is %PDF- and then a digit.')],
    [undefined, 'a PDF behind more than 1024 bytes', async () => lateHeaderPdf(await textPdf(['Text.']), ' '.repeat(1024))],
    [undefined, 'a GIF', () => textFile('GIF89a')],
    [undefined, 'nothing', emptyFile],
  ])('is %s for %s', async (type, _, make) => {
    expect(sniffMediaType(await make())).toBe(type);
  });
});
