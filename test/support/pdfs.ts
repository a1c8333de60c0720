import { createCanvas } from '@napi-rs/canvas';
import { PDFDocument as EditablePdf } from 'pdf-lib';
import PDFDocument from 'pdfkit';
import { rawPdf, stream } from '../../src/bench/ingestion/hostile-pdfs.js';

export { flateBombPdf, nestedPdf, rawPdf, slowPdf } from '../../src/bench/ingestion/hostile-pdfs.js';

/** Real PDFs: of ordinary producers, of careless ones, and of those who mean harm. */

type Options = ConstructorParameters<typeof PDFDocument>[0];
type Drawing = InstanceType<typeof PDFDocument>;

/** What `draw` puts on its pages. There is a first page already. */
export async function drawPdf(draw: (pdf: Drawing) => void, options: Options = {}): Promise<Uint8Array> {
  const pdf = new PDFDocument({ size: 'A4', ...options });
  const parts: Buffer[] = [];
  pdf.on('data', (part: Buffer) => void parts.push(part));
  const finished = new Promise((resolve) => pdf.on('end', resolve));
  draw(pdf);
  pdf.end();
  await finished;
  return new Uint8Array(Buffer.concat(parts));
}

/** A page for each text, its paragraphs apart by blank lines. */
export function textPdf(pages: readonly string[], options: Options & { readonly title?: string } = {}): Promise<Uint8Array> {
  const { title, ...rest } = options;
  return drawPdf(
    (pdf) => {
      pages.forEach((text, index) => {
        if (index > 0) pdf.addPage();
        pdf.fontSize(11).text(text);
      });
    },
    { info: title === undefined ? {} : { Title: title }, ...rest },
  );
}

/** So many pages, each with its number on it in words of their own. */
export function longPdf(pages: number): Promise<Uint8Array> {
  return textPdf(Array.from({ length: pages }, (_, index) => `This is sheet ${index + 1} of the book.`));
}

/** Two columns under a heading that reaches across them. `by-line` writes the left and the right line of each height together. */
export function columnsPdf(
  heading: string,
  left: readonly string[],
  right: readonly string[],
  order: 'by-column' | 'by-line',
): Promise<Uint8Array> {
  const [top, leading] = [120, 14];
  const writeLeft = (pdf: Drawing, line: number): void => void pdf.text(left[line] ?? '', 72, top + line * leading, { lineBreak: false });
  const writeRight = (pdf: Drawing, line: number): void =>
    void pdf.text(right[line] ?? '', 310, top + line * leading, { lineBreak: false });
  const lines = [...Array(Math.max(left.length, right.length)).keys()];
  return drawPdf((pdf) => {
    pdf.fontSize(16).text(heading, 72, 72, { width: 450, align: 'center' }).fontSize(10);
    if (order === 'by-column') {
      for (const line of lines) writeLeft(pdf, line);
      for (const line of lines) writeRight(pdf, line);
      return;
    }
    for (const line of lines) {
      writeLeft(pdf, line);
      writeRight(pdf, line);
    }
  });
}

/** Chinese in a font that is not embedded, its characters written as UCS-2: a reader needs the predefined CMaps for it. */
export function chinesePdf(lines: readonly string[]): Uint8Array {
  const shown = lines.map((line) => `<${Buffer.from(line, 'utf16le').swap16().toString('hex')}> Tj T*`).join('\n');
  return rawPdf([
    PAGES,
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>`,
    stream(`BT /F1 12 Tf 18 TL 72 760 Td ${shown} ET`),
    '<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [6 0 R] >>',
    `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >>
      /DW 1000 /FontDescriptor 7 0 R >>`,
    `<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120
      /CapHeight 880 /StemV 93 >>`,
  ]);
}

/** A page that is a picture, with nothing written on it for a machine: a black bar on a grey ground. */
export function scannedPdf(pages = 1): Promise<Uint8Array> {
  const canvas = createCanvas(400, 560);
  const context = canvas.getContext('2d');
  context.fillStyle = '#dddddd';
  context.fillRect(0, 0, 400, 560);
  context.fillStyle = '#000000';
  context.fillRect(40, 60, 320, 40);
  const picture = canvas.toBuffer('image/png');
  return drawPdf((pdf) => {
    for (let page = 1; page <= pages; page++) {
      if (page > 1) pdf.addPage();
      pdf.image(picture, 0, 0, { width: pdf.page.width });
    }
  });
}

/** Opens with this password alone. */
export function encryptedPdf(text: string, userPassword: string): Promise<Uint8Array> {
  return textPdf([text], { userPassword, ownerPassword: 'owner' });
}

/** Opens for everybody, and lets its owner alone change it. */
export function ownerLockedPdf(text: string): Promise<Uint8Array> {
  return textPdf([text], { ownerPassword: 'owner', permissions: { copying: false } });
}

/** The first part of a file whose upload or download broke off: what says where its pages are is missing. */
export async function truncatedPdf(): Promise<Uint8Array> {
  const whole = await (await EditablePdf.load(await longPdf(3))).save();
  return whole.slice(0, 200);
}

/** What is no PDF, whatever its name says. */
export function textFile(text = 'Dear diary, today I learned nothing.'): Uint8Array {
  return new TextEncoder().encode(text);
}

export function emptyFile(): Uint8Array {
  return new Uint8Array();
}

/** A PDF whose header stands late in the file, as after the lines of a mail. */
export function lateHeaderPdf(bytes: Uint8Array, junk = 'Received: from mail\r\n'.repeat(40)): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from(junk), bytes]));
}

/** A page tree that contains itself. */
export function circularPdf(): Uint8Array {
  return rawPdf(['<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>']);
}

/** A page whose transparent layers lie within each other, so many of them, each as large as the page. */
export function layeredPdf(layers: number): Uint8Array {
  const layer = (next: number): Buffer => {
    const resources = `/Resources << /XObject << /X ${next} 0 R >> /ExtGState << /G << /ca 0.5 >> >> >>`;
    return stream('/G gs /X Do', `/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Group << /S /Transparency /I true >> ${resources}`);
  };
  return rawPdf([
    PAGES,
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>',
    stream('/X Do'),
    ...Array.from({ length: layers }, (_, index) => layer(6 + index)),
    stream('0 0 100 100 re f', '/Type /XObject /Subtype /Form /BBox [0 0 100 100]'),
  ]);
}

/** Says `a`, a NUL, half a character and `b`: its font says so of the codes 1 to 4. */
export function unstorablePdf(): Uint8Array {
  const map = `/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange
    4 beginbfchar <01> <0061> <02> <0000> <03> <d800> <04> <0062> endbfchar endcmap end end`;
  return rawPdf([
    PAGES,
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    stream('BT /F1 12 Tf 72 700 Td <01020304> Tj ET'),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R /FirstChar 1 /LastChar 4 /Widths [500 500 500 500] >>',
    stream(map),
  ]);
}

const PAGES = '<< /Type /Pages /Kids [3 0 R] /Count 1 >>';
