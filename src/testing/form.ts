/** A file of a form. */
export interface FormFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const BOUNDARY = 'hangup-boundary-7MA4YWxkTrZu0gW';

/** What a form with these files says of its type. */
export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

/** The body of a form that has files, each under the field `files`. */
export function toForm(files: readonly FormFile[]): Buffer {
  const parts = files.flatMap(({ name, bytes }) => [Buffer.from(headOf(name)), bytes, Buffer.from('\r\n')]);
  return Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

function headOf(name: string): string {
  const disposition = `form-data; name="files"; filename="${name.replaceAll('"', '%22')}"`;
  return `--${BOUNDARY}\r\nContent-Disposition: ${disposition}\r\nContent-Type: application/octet-stream\r\n\r\n`;
}
