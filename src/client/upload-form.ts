/** A file to upload: a `Blob` or `File`, bytes with a name, or what React Native picks from the device. */
export type UploadFile = Blob | NamedBytes | NativeFile;

export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** React Native's own way to name a file on the device. */
export interface NativeFile {
  readonly uri: string;
  readonly name: string;
  readonly type: string;
}

/** A form as every platform takes it; what else it takes differs in their types. */
interface AnyForm {
  append(name: string, value: unknown, fileName?: string): void;
}

/** The form of an upload. What a file is, the server sees by its content. */
export function toForm(files: readonly UploadFile[], title?: string): FormData {
  const form = new FormData();
  if (title !== undefined) form.append('title', title);
  for (const file of files) append(form, file);
  return form;
}

function append(form: AnyForm, file: UploadFile): void {
  if ('uri' in file) form.append('files', file);
  else if (isNamedBytes(file)) form.append('files', new Blob([new Uint8Array(file.bytes)]), file.name);
  else form.append('files', file, (file as Partial<File>).name ?? 'document');
}

/** Newer blobs have a method of that name. */
function isNamedBytes(file: Blob | NamedBytes): file is NamedBytes {
  return 'bytes' in file && typeof file.bytes !== 'function';
}

/** In bytes; 0 where nobody knows. */
export function sizeOf(file: UploadFile): number {
  if ('uri' in file) return 0;
  return isNamedBytes(file) ? file.bytes.byteLength : file.size;
}
