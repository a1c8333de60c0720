import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { HangupClient } from '../../src/client/index.js';
import { ScriptedModelServer } from '../../src/testing/index.js';
import { launchChromium } from '../support/browsers.js';
import { BuiltApp, type RunningApp } from '../support/built-app.js';
import { createEmbeddedDirectory, type EmbeddedDirectory } from '../support/embedded.js';

/** What axe finds wrong, with where. */
interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** The program as it is built, its model, and a browser that looks at its console. */
export class ConsoleWorld {
  /** What browsers complained of, but for refusals that were asked for. */
  readonly complaints: string[] = [];

  private constructor(
    readonly model: ScriptedModelServer,
    readonly app: RunningApp,
    /** As it is printed at start. */
    readonly link: string,
    private readonly browser: Browser,
    private readonly axe: string,
    private readonly built: BuiltApp,
    private readonly directory: EmbeddedDirectory,
  ) {}

  static async start(): Promise<ConsoleWorld> {
    const [model, built, directory] = await Promise.all([ScriptedModelServer.start(), BuiltApp.build(), createEmbeddedDirectory()]);
    const app = built.start({ DATA_DIR: directory.dataDir, PORT: '0', OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: model.baseUrl });
    const [, link = ''] = await app.says(/console {3}(http:\S+)\n/);
    const browser = await launchChromium();
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    return new ConsoleWorld(model, app, link, browser, axe, built, directory);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.built.remove();
    await this.model.stop();
    await this.directory.remove();
  }

  get url(): string {
    return new URL('.', this.link).href;
  }

  get token(): string {
    return this.link.slice(this.link.indexOf('=') + 1);
  }

  /** The user of the console, on another device. */
  get hangup(): HangupClient {
    return new HangupClient({ baseUrl: this.url, token: this.token });
  }

  /** A tab that nobody has signed in, in a browser of its own. */
  async tab(): Promise<Page> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (message) => {
      const isRefusal = message.text().includes('the server responded with a status of 401');
      if (['error', 'warning'].includes(message.type()) && !isRefusal) this.complaints.push(message.text());
    });
    return page;
  }

  /** A tab that came by the link of the start. */
  async signedIn(): Promise<Page> {
    const page = await this.tab();
    await page.goto(this.link);
    await page.getByRole('navigation', { name: 'Console' }).waitFor();
    return page;
  }

  /** What axe holds against the page by some of its rules, or by all, as far as it is serious. */
  async violations(page: Page, runOnly?: readonly string[]): Promise<string[]> {
    await page.evaluate(this.axe);
    const options = JSON.stringify({ resultTypes: ['violations'], runOnly });
    const { violations } = await page.evaluate<{ violations: Violation[] }>(`axe.run(${options})`);
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    return grave.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`));
  }
}
