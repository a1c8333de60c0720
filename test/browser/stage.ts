import { TokenVerifier } from '../../src/auth/index.js';
import type { HangupClient } from '../../src/client/index.js';
import { appClient } from '../support/app-client.js';
import { Arrivals } from '../support/arrivals.js';
import { runsPostgres } from '../support/backends.js';
import { startBrowser, type Browser, type BrowserName, type Tab } from '../support/browsers.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { PageServer } from './page-server.js';

/** A browser, the page of an app in it, and on an origin of its own the API that the page uses. */
export class Stage {
  private constructor(
    readonly app: TestApp,
    /** A client beside the page, of the same user. */
    readonly hangup: HangupClient,
    readonly arrivals: Arrivals,
    readonly url: string,
    private readonly pages: PageServer,
    private readonly browser: Browser,
  ) {}

  /** Lets in the page's own origin, or what else is said. */
  static async start(name: BrowserName, origins?: string): Promise<Stage> {
    // First of all: what is missing leaves nothing open.
    const browser = await startBrowser(name);
    const [pages, arrivals] = [await PageServer.start(), new Arrivals()];
    const backend = runsPostgres ? 'postgres' : 'embedded';
    const app = await startTestApp({ backend, env: { CORS_ORIGINS: origins ?? pages.origin }, prepare: (app) => arrivals.watch(app) });
    const token = await app.app.get(TokenVerifier).issue('learner');
    const url = `${pages.origin}/?${new URLSearchParams({ api: app.url, token }).toString()}`;
    return new Stage(app, await appClient(app), arrivals, url, pages, browser);
  }

  /** The page, in a new tab. */
  open(): Promise<Tab> {
    return this.browser.open(this.url);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.app.close();
    await this.pages.stop();
  }
}
