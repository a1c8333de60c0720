import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { contentSecurityPolicy, drawPage, importMap } from './page-document.js';

export interface ConsoleFile {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
}

/** The name of the page itself. */
export const PAGE = '';

const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css', map: 'application/json' };

/** Below it the compiled sources lie as they lie here, so that what they import is found. */
const BUILT = new URL('../', import.meta.url);
const PARTS = ['client/', 'console/page/'];
/** What is taken of each package, and nothing else. */
const VENDORS: Readonly<Record<string, readonly string[]>> = {
  'lit-html': ['lit-html.js', 'directive.js', 'directive-helpers.js', 'directives/live.js', 'directives/repeat.js'],
  uplot: ['dist/uPlot.esm.js', 'dist/uPlot.min.css'],
};

/** All that the console consists of, read once at the start. What is not in here cannot be asked for, however it is spelt. */
@Injectable()
export class ConsoleFiles implements OnModuleInit {
  readonly #files = new Map<string, ConsoleFile>();

  async onModuleInit(): Promise<void> {
    if (!existsSync(new URL('console/page/main.js', BUILT))) return;
    for (const part of PARTS) await this.#addFolder(part);
    for (const [name, files] of Object.entries(VENDORS)) await this.#addPackage(name, files);
    this.#addPage();
  }

  /** Is there a compiled page? In tests that run from the sources there is none. */
  get isBuilt(): boolean {
    return this.#files.has(PAGE);
  }

  get(name: string): ConsoleFile | undefined {
    return this.#files.get(name);
  }

  async #addFolder(folder: string): Promise<void> {
    const names = await readdir(new URL(folder, BUILT));
    for (const name of names.filter((each) => typeOf(each) !== undefined))
      await this.#add(`app/${folder}${name}`, new URL(folder + name, BUILT));
  }

  async #addPackage(name: string, files: readonly string[]): Promise<void> {
    const root = pathToFileURL(findPackageJSON(name, import.meta.url) ?? '');
    for (const file of files) await this.#add(`vendor/${name}/${file}`, new URL(file, root));
  }

  async #add(name: string, url: URL): Promise<void> {
    this.#keep(name, await readFile(url, 'utf8'), { 'Content-Type': `${typeOf(name)}; charset=utf-8` });
  }

  #addPage(): void {
    const scripts = [...this.#files.keys()].filter((name) => name.endsWith('.js'));
    const policy = contentSecurityPolicy(sha256(importMap, 'base64'));
    this.#keep(PAGE, drawPage(scripts), { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy });
  }

  #keep(name: string, text: string, headers: Record<string, string>): void {
    this.#files.set(name, { text, headers, etag: `"${sha256(text, 'base64url')}"` });
  }
}

function typeOf(name: string): string | undefined {
  return TYPES[name.slice(name.lastIndexOf('.') + 1)];
}

function sha256(text: string, encoding: 'base64' | 'base64url'): string {
  return createHash('sha256').update(text).digest(encoding);
}
