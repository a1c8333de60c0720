import { constants, deflateRawSync, deflateSync } from 'node:zlib';

/** PDFs put together by hand: large ones, and those that mean harm. */

const PAGES = '<< /Type /Pages /Kids [3 0 R] /Count 1 >>';
const PAGE = '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << >> >>';
const HELVETICA = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>';

type PdfObject = string | Buffer;

/** A file with a catalogue and these objects, the first of which is number 2. */
export function rawPdf(objects: readonly PdfObject[]): Uint8Array {
  const header = Buffer.from('%PDF-1.7\n');
  const bodies = ['<< /Type /Catalog /Pages 2 0 R >>', ...objects].map((object, index) =>
    Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), Buffer.from(object), Buffer.from('\nendobj\n')]),
  );
  const size = bodies.length + 1;
  let end = header.length;
  const entries = bodies.map(({ length }) => {
    const entry = `${String(end).padStart(10, '0')} 00000 n \n`;
    end += length;
    return entry;
  });
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${entries.join('')}`;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${end}\n%%EOF\n`;
  return new Uint8Array(Buffer.concat([header, ...bodies, Buffer.from(table + trailer)]));
}

export function stream(content: string | Buffer, entries = ''): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from(`<< /Length ${bytes.length} ${entries} >>\nstream\n`), bytes, Buffer.from('\nendstream')]);
}

/** So many pages of text, each with its chapter's heading where one begins. */
export function bookPdf(pages: number): Uint8Array {
  const numberOf = (page: number): number => 4 + 2 * page;
  const kids = Array.from({ length: pages }, (_, page) => `${numberOf(page)} 0 R`).join(' ');
  const written = Array.from({ length: pages }, (_, page) => [
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${numberOf(page) + 1} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
    stream(
      `BT /F1 11 Tf 14 TL 72 760 Td ${linesOf(page + 1)
        .map((line) => `(${line}) Tj T*`)
        .join('\n')} ET`,
    ),
  ]);
  return rawPdf([`<< /Type /Pages /Kids [${kids}] /Count ${pages} >>`, HELVETICA, ...written.flat()]);
}

function linesOf(page: number): string[] {
  const heading = page % 20 === 1 ? [`Chapter ${Math.ceil(page / 20)}: What page ${page} begins`, ''] : [];
  const sentence = (line: number): string => `On page ${page} the ${line}th line tells of a traveller who learns one more word each day.`;
  return [...heading, ...Array.from({ length: 40 }, (_, line) => sentence(line + 1))];
}

/** Arrays or dictionaries within each other, so deep that a parser which follows them runs out of stack. */
export function nestedPdf(depth: number, kind: 'arrays' | 'dictionaries'): Uint8Array {
  const [opening, closing] = kind === 'arrays' ? ['[', ']'] : ['<< /A ', '>>'];
  const nested = `${opening.repeat(depth)} 1 ${closing.repeat(depth)}`;
  return rawPdf([
    '<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox 5 0 R >>',
    '<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources 5 0 R >>',
    stream(`BT /F1 12 Tf ${kind === 'arrays' ? nested : ''} TJ ET`),
    nested,
  ]);
}

/** A page whose text takes so many bytes once it is unpacked, out of a file of a thousandth of that. */
export function flateBombPdf(inflatedBytes: number): Uint8Array {
  return rawPdf([PAGES, PAGE, stream(deflatedSpaces(inflatedBytes), '/Filter /FlateDecode')]);
}

/** A page that draws, again and again, what takes long itself. It says a letter each time, so that none of it may be left out. */
export function slowPdf(rounds = 100_000): Uint8Array {
  const idle = '1 0 0 1 0 0 cm 1 w 0 J 0 j\n'.repeat(20_000);
  const resources = '/Resources << /Font << /F1 6 0 R >> /XObject << /X 5 0 R >> >>';
  const form = `/Type /XObject /Subtype /Form /BBox [0 0 595 842] ${resources} /Filter /FlateDecode`;
  return rawPdf([
    PAGES,
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R ${resources} >>`,
    stream(deflateSync('/X Do\n'.repeat(rounds)), '/Filter /FlateDecode'),
    stream(deflateSync(`${idle} BT /F1 12 Tf 72 700 Td (a) Tj ET`), form),
    HELVETICA,
  ]);
}

/** A zlib stream of NULs, which are white space in a PDF, put together of blocks that are packed once. */
function deflatedSpaces(bytes: number): Buffer {
  const block = 1024 * 1024;
  const count = Math.ceil(bytes / block);
  const packed = deflateRawSync(Buffer.alloc(block), { finishFlush: constants.Z_FULL_FLUSH, level: 9 });
  const last = deflateRawSync(Buffer.alloc(0));
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(((((count * block) % 65_521) << 16) | 1) >>> 0);
  return Buffer.concat([Buffer.from([0x78, 0xda]), ...Array.from({ length: count }, () => packed), last, checksum]);
}
