/** What can be uploaded. */
export const MEDIA_TYPES = ['application/pdf', 'image/png', 'image/jpeg'] as const;
export type MediaType = (typeof MEDIA_TYPES)[number];

/** How many bytes of a file `sniffMediaType` looks at, at most. */
export const SNIFFED_BYTES = 1024;

const PNG = '\x89PNG\r\n\x1a\n';
const JPEG = '\xff\xd8\xff';
/** Some producers write before the header; readers look for it within the first 1024 bytes (ISO 32000-1, implementation note 13). */
const PDF = /%PDF-\d/;

/** What a file is, by its first bytes and never by its name; `undefined` for whatever cannot be read here. */
export function sniffMediaType(head: Uint8Array): MediaType | undefined {
  const text = Buffer.from(head.subarray(0, SNIFFED_BYTES)).toString('latin1');
  if (text.startsWith(PNG)) return 'image/png';
  if (text.startsWith(JPEG)) return 'image/jpeg';
  return PDF.test(text) ? 'application/pdf' : undefined;
}
