import { existsSync } from 'node:fs';
import { describe } from '@jest/globals';
import { chromium, type Browser as PlaywrightBrowser, type Page as PlaywrightPage } from 'playwright-core';
import { launch, type Browser as PuppeteerBrowser, type Page as PuppeteerPage } from 'puppeteer-core';

export type BrowserName = 'chromium' | 'firefox';

/** A browser as tests drive it, whichever it is. */
export interface Browser {
  /** A new tab, at this address. */
  open(url: string): Promise<Tab>;
  close(): Promise<void>;
}

export interface Tab {
  goto(url: string): Promise<void>;
  /** Where it is by now. */
  url(): string;
  click(selector: string): Promise<void>;
  /** Does this in the page, with nothing but what it is given. */
  evaluate<A, T>(work: (given: A) => T | Promise<T>, given: A): Promise<T>;
  close(): Promise<void>;
}

const PROGRAMS: Readonly<Record<BrowserName, string>> = { chromium: '/usr/bin/chromium', firefox: '/usr/bin/firefox-esr' };
const NAMES: readonly BrowserName[] = ['chromium', 'firefox'];
const isRequired = process.env.REQUIRE_SERVICES === '1';

/** A suite over every browser. */
export function inBrowsers(what: string, suite: (name: BrowserName) => void): void {
  for (const name of NAMES) describeIn(name, `${what}, in ${name}`, () => suite(name));
}

/** A suite in a browser: where that is missing it is registered as skipped, aloud; with `REQUIRE_SERVICES=1` it fails instead. */
export function describeIn(name: BrowserName, what: string, suite: () => void): void {
  const runs = existsSync(PROGRAMS[name]) || isRequired;
  if (!runs) process.stderr.write(`SKIPPED: there is no ${PROGRAMS[name]}, so tests in it do not run (scripts/services.sh)\n`);
  (runs ? describe : describe.skip)(what, suite);
}

export function launchChromium(): Promise<PlaywrightBrowser> {
  return chromium.launch({ executablePath: PROGRAMS.chromium, args: ['--no-sandbox'] });
}

export async function startBrowser(name: BrowserName): Promise<Browser> {
  return name === 'chromium' ? await Chromium.start() : await Firefox.start(PROGRAMS[name]);
}

class Chromium implements Browser {
  private constructor(private readonly browser: PlaywrightBrowser) {}

  static async start(): Promise<Chromium> {
    return new Chromium(await launchChromium());
  }

  async open(url: string): Promise<Tab> {
    // One context for all tabs, as one person has them.
    const [context = await this.browser.newContext()] = this.browser.contexts();
    return await opened(new ChromiumTab(await context.newPage()), url);
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

class ChromiumTab implements Tab {
  constructor(private readonly page: PlaywrightPage) {}

  async goto(url: string): Promise<void> {
    await this.page.goto(url);
  }

  url(): string {
    return this.page.url();
  }

  click(selector: string): Promise<void> {
    return this.page.click(selector);
  }

  evaluate<A, T>(work: (given: A) => T | Promise<T>, given: A): Promise<T> {
    return this.page.evaluate(work as never, given as never);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}

class Firefox implements Browser {
  private constructor(private readonly browser: PuppeteerBrowser) {}

  static async start(executablePath: string): Promise<Firefox> {
    const extraPrefsFirefox = { 'dom.allow_scripts_to_close_windows': true };
    return new Firefox(await launch({ browser: 'firefox', executablePath, extraPrefsFirefox }));
  }

  async open(url: string): Promise<Tab> {
    return await opened(new FirefoxTab(await this.browser.newPage()), url);
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

class FirefoxTab implements Tab {
  constructor(private readonly page: PuppeteerPage) {}

  async goto(url: string): Promise<void> {
    await this.page.goto(url);
  }

  url(): string {
    return this.page.url();
  }

  click(selector: string): Promise<void> {
    return this.page.click(selector);
  }

  evaluate<A, T>(work: (given: A) => T | Promise<T>, given: A): Promise<T> {
    return this.page.evaluate(work as never, given);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}

async function opened(tab: Tab, url: string): Promise<Tab> {
  await tab.goto(url);
  return tab;
}
